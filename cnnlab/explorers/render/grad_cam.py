"""What the Grad-CAM explorer asks: a class map of one picture, and of the same object in every other scene. No widget is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from cnnlab.attribution import grad_cam, guided_grad_cam
from cnnlab.explorers.covered import class_names, probabilities
from cnnlab.explorers.sources import Rendered, Source
from cnnlab.world import SCENES


@dataclass(frozen=True, eq=False)
class Question:
    """What the controls say: a class (None: the predicted one), a layer (None: the last maps), and which of both maps is shown."""

    model: nn.Module
    source: Source
    side: int = 96
    target: int | None = None
    layer: str | None = None
    guided: bool = False
    relu: bool = True

    @property
    def options(self) -> dict:
        """The keyword arguments of the technique beyond model and image."""
        options = {"target": self.target, "layer": self.layer}
        return options | ({} if self.guided or self.relu else {"relu": False})


@dataclass(frozen=True, eq=False)
class Answer:
    """One picture's answer: the picture, the map (H x W; 3 x H x W if guided), the C probabilities and the class that is meant."""

    image: Tensor
    map: Tensor
    probability: Tensor
    target: int
    names: tuple[str, ...]

    @property
    def winner(self) -> int:
        """The predicted class."""
        return int(self.probability.argmax())

    @property
    def says(self) -> str:
        """The predicted class and its probability, in words."""
        return f"says {self.names[self.winner]} ({float(self.probability[self.winner]):.2f})"


def ask(question: Question) -> Answer:
    """The class map of one picture: a forward pass for the probabilities, one forward and one backward for the map."""
    image = question.source.image(question.side)
    function = guided_grad_cam if question.guided else grad_cam
    found = function(question.model, image, **question.options).cpu()
    probability = probabilities(question.model, image)
    target = int(probability.argmax()) if question.target is None else question.target
    return Answer(image, found, probability, target, class_names(question.model, len(probability)))


def elsewhere(question: Question) -> dict[str, Question]:
    """The same question about the same object in each scene of the world; none for a photo."""
    if not isinstance(question.source, Rendered):
        return {}
    recipe = question.source.recipe
    return {scene: replace(question, source=Rendered(recipe.replace(scene=scene))) for scene in SCENES}


def code(question: Question, opening: str) -> str:
    """The lines that give the map without the explorer; `opening` defines `model`."""
    picture = question.source.code(question.side)
    rooms = "attribution, world" if "world." in picture else "attribution"
    function = "guided_grad_cam" if question.guided else "grad_cam"
    given = "".join(f", {name}={_written(value)}" for name, value in question.options.items())
    lines = ["import cnnlab", f"from cnnlab import {rooms}", "", opening, picture]
    return "\n".join(
        [*lines, f"found = attribution.{function}(model, image{given})", "print(found.max().item())"]
    )


def _written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
