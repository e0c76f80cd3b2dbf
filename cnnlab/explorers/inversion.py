"""The inversion explorer: what does a layer still know of a picture?"""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from cnnlab.explorers.film import Moment, moment
from cnnlab.explorers.growing import GrowingExplorer, named, slider
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.synthesis import invert_steps


class InversionExplorer(GrowingExplorer):
    """Pictures found anew from what a layer answers to one.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    layer, steps
        The layer that is inverted first, and how many steps.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        What looks, and what it looks at.
    layer, beta, tv, restarts, steps, start, parametrisation
        What is inverted, the exponent and weight of the total variation, how often, how long, from where, in which coordinates.
    player
        `film.run_button`, `film.stop_button`, `film.scrubber`, `film.live`.
    """

    title = "Inversion"
    question = "What does a layer still know of the picture?"
    curve_label = "relative error"
    run_label = "Invert"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        *,
        layer: str = "conv3",
        steps: int = 60,
    ):
        super().__init__(model, picture)
        self._first = layer
        self.layer = SearchSelect(description="Layer")
        self.beta = slider("Beta", 2.0, 1.0, 3.0, 0.1)
        self.tv = slider("TV", 0.0002, 0.0, 0.003, 0.0001)
        self.restarts = slider("Restarts", 2, 1, 5)
        self.steps = slider("Steps", steps, 10, 300, 10)
        self.start = widgets.Dropdown(options=[("noise", "noise"), ("grey", "zero")], description="Start")
        ways = [("waves (Fourier)", "fourier"), ("pixels", "pixels")]
        self.coordinates = widgets.Dropdown(options=ways, description="In")
        shown = [self.layer, self.restarts, self.steps, self.start, self.coordinates]
        names = named(
            layer=(self.layer, "Layer that is inverted"),
            beta=(self.beta, "Exponent of the total variation"),
            tv=(self.tv, "Weight of the total variation"),
            restarts=(self.restarts, "Pictures from different noise"),
            steps=(self.steps, "Number of steps"),
            start=(self.start, "Where the search starts"),
            coordinates=(self.coordinates, "Coordinates of the picture"),
        )
        self.open({"Inversion": shown, "Prior": [self.beta, self.tv]}, names, [*shown, self.beta, self.tv])

    @property
    def options(self) -> dict[str, object]:
        """What the controls say, as arguments of `cnnlab.synthesis.invert`."""
        return {
            "steps": self.steps.value,
            "restarts": self.restarts.value,
            "beta": round(self.beta.value, 4),
            "tv": round(self.tv.value, 6),
            "start": self.start.value,
            "parametrisation": self.coordinates.value,
        }

    def offer(self) -> None:
        self.offer_layers(self.layer, self._first, maps=False)

    def moments(self) -> tuple[Iterator[Moment], int]:
        image = self.pictures.source.image(self.made_side)
        found = invert_steps(self.model, image, self.layer.value, **self.options)
        return (_beside(image, one) for one in found), self.steps.value

    def captions(self) -> list[str]:
        return ["the picture", *(f"from {self.layer.value}, {i + 1}" for i in range(self.restarts.value))]

    def code(self) -> str:
        picture = self.pictures.source.code(self.made_side)
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return "\n".join(
            [
                "import cnnlab",
                "from cnnlab import figures, synthesis" + (", world" if "world." in picture else ""),
                "",
                self.load_line,
                picture,
                f'found = synthesis.invert(model, image, "{self.layer.value}", {options})'.replace("'", '"'),
                "figures.grid([image, *found.images])",
            ]
        )

    def describe(self) -> str:
        return (
            f"Inversion explorer. From what {self.layer.value} of {self.called} answers to a picture"
            f" ({self.pictures.source.words}) {self.restarts.value} pictures are found in {self.steps.value} steps,"
            f" with total variation of weight {self.tv.value:g} and beta {self.beta.value:g}. Run the cell to change it."
        )


def _beside(image: Tensor, found) -> Moment:
    """The picture and what was found of it."""
    errors = {"features": float(found.feature_error.mean()), "pixels": float(found.image_error.mean())}
    return moment(torch.cat([image[None], found.images.cpu()]), **errors)
