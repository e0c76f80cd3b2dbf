"""One shape with the texture of every class for the cue conflict explorer; without any widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.image_sources import RenderedSource
from cnnlab.explorers.snippet import snippet
from cnnlab.explorers.static_preview import INK, canvas
from cnnlab.figures.axes import show_image
from cnnlab.figures.colours import LINES
from cnnlab.networks.eval_mode import input_side
from cnnlab.networks.forward import class_names, probabilities
from cnnlab.world import OBJECTS, Recipe

CUE_COLOURS = {"shape": LINES[0][0], "texture": LINES[1][0], "neither": "#757575"}
"""Colours of a prediction of the shape's class, of the texture's class, or of another one."""


@dataclass(frozen=True, eq=False)
class Result:
    """A picture of one shape with one texture, and each network's prediction.

    `image` is 3 x H x W, the first network's input; `probabilities` holds the C probabilities of each network.
    """

    image: Tensor
    probabilities: tuple[Tensor, ...]


def conflict_image(recipe: Recipe, texture: str, side: int) -> Tensor:
    """The picture of the recipe with the texture of another class on the object, 3 x side x side."""
    return RenderedSource(recipe.replace(texture=texture)).image(side)


def render(models: list[nn.Module], recipe: Recipe, texture: str, side: int) -> Result:
    """Render the picture and classify it with every network, at its input size (`side` if unknown): one forward pass each."""
    sides = [input_side(model) or side for model in models]
    per_model = (
        probabilities(model, conflict_image(recipe, texture, n))
        for model, n in zip(models, sides, strict=True)
    )
    return Result(conflict_image(recipe, texture, side), tuple(per_model))


def followed_cue(probability: Tensor, names: tuple[str, ...], shape: str, texture: str) -> str:
    """The cue that the prediction follows: "shape", "texture" or "neither"; "no conflict" where both are the same class."""
    prediction = names[int(probability.argmax())]
    if shape == texture:
        return "no conflict"
    return {shape: "shape", texture: "texture"}.get(prediction, "neither")


def answers(networks: Sequence[str], result: Result, classes: Sequence[tuple[str, ...]]) -> list[str]:
    """What each network, given by its name and its classes, says of the picture."""
    return [
        f"{network} says {names[int(probability.argmax())]}"
        for network, probability, names in zip(networks, result.probabilities, classes, strict=True)
    ]


def count_cues(results: dict[str, Result], number: int, names: tuple[str, ...], shape: str) -> dict[str, int]:
    """How often network `number` follows shape, texture or neither, over one shape with many textures."""
    cues = [
        followed_cue(result.probabilities[number], names, shape, texture)
        for texture, result in results.items()
    ]
    return {cue: cues.count(cue) for cue in ("shape", "texture", "neither")}


def preview_figure(results: dict[str, Result], shape: str, classes: Sequence[tuple[str, ...]]) -> Figure:
    """Static preview: the shape with twenty textures, and below each the networks' predictions, coloured by the cue that they follow."""
    figure = canvas(9.8, 10.8)
    figure.get_layout_engine().set(hspace=0.05)
    axes = figure.subplots(4, 5).flat
    under = {"ha": "center", "va": "top", "fontsize": 9}
    for axis, (texture, result) in zip(axes, results.items(), strict=True):
        show_image(axis, result.image, texture, 8, interpolation="nearest")
        for height, probability, names in zip((-0.02, -0.12), result.probabilities, classes, strict=True):
            colour = CUE_COLOURS.get(followed_cue(probability, names, shape, texture), INK)
            axis.text(
                0.5, height, names[int(probability.argmax())], transform=axis.transAxes, color=colour, **under
            )
    return figure


def object_class_names(model: nn.Module, probability: Tensor) -> tuple[str, ...]:
    """The names of the classes of a network that has the classes of the world.

    Raises
    ------
    ValueError
        If it does not have the classes of the world.
    """
    names = class_names(model, len(probability))
    if set(OBJECTS) - set(names):
        raise ValueError(
            f"{getattr(model, 'name', type(model).__name__)} does not know the {len(OBJECTS)} classes of the world,"
            " so it can name neither shape nor texture; take one that was trained on them, such as mini_vgg."
        )
    return names


def code(recipe: Recipe, texture: str, side: int, opening: str) -> str:
    """The lines of code for the picture and the prediction without the explorer; `opening` defines `model`."""
    return snippet(
        opening,
        RenderedSource(recipe.replace(texture=texture)).code(side),
        "with torch.inference_mode():",
        "    probability = model(image.unsqueeze(0)).softmax(1)[0]",
        "print(model.class_names[probability.argmax()], probability.max().item())",
    )
