"""Inversion explorer: pictures reconstructed from the features of a layer."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from cnnlab.explorers.controls import choice, search, slow_slider
from cnnlab.explorers.optimisation_base import PARAMETRISATIONS, OptimisationExplorer
from cnnlab.explorers.snippet import arguments, snippet
from cnnlab.explorers.step_player import Frame, make_frame
from cnnlab.synthesis import invert_steps


class InversionExplorer(OptimisationExplorer):
    """Inversion explorer: pictures reconstructed from a layer's features. What does the layer keep of a picture?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    layer, steps
        The first layer to invert, and the number of steps.
    """

    name = "Inversion explorer"
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
        self._initial_layer = layer
        starts = [("noise", "noise"), ("grey", "zero")]
        self.assemble(
            {
                "Inversion": {
                    "layer": search("Layer", name="Layer that is inverted"),
                    "restarts": slow_slider("Restarts", 2, 1, 5, name="Pictures from different noise"),
                    "steps": slow_slider("Steps", steps, 10, 300, 10, name="Number of steps"),
                    "start": choice("Start", starts, name="Where the search starts"),
                    "parametrisation": choice("In", PARAMETRISATIONS, name="Coordinates of the picture"),
                },
                "Prior": {
                    "beta": slow_slider("Beta", 2.0, 1.0, 3.0, 0.1, name="Exponent of the total variation"),
                    "tv": slow_slider("TV", 0.0002, 0.0, 0.003, 0.0001, name="Weight of the total variation"),
                },
            }
        )

    @property
    def options(self) -> dict[str, object]:
        """The settings of the controls, as arguments of `cnnlab.synthesis.invert`."""
        return {
            "steps": self.steps.value,
            "restarts": self.n_pictures,
            "beta": round(self.beta.value, 4),
            "tv": round(self.tv.value, 6),
            "start": self.start.value,
            "parametrisation": self.parametrisation.value,
        }

    @property
    def n_pictures(self) -> int:
        """The number of reconstructions: all that start from grey would be the same one."""
        return self.restarts.value if self.start.value == "noise" else 1

    def on_control_change(self) -> None:
        self.restarts.disabled = self.start.value != "noise"
        super().on_control_change()

    def update_options(self) -> None:
        self.set_layer_options(self.layer, self._initial_layer, maps=False)

    def frames(self) -> tuple[Iterator[Frame], int]:
        image = self.image_picker.source.image(self.made_side)
        steps = invert_steps(self.model, image, self.layer.value, **self.options)
        return (_side_by_side(image, step) for step in steps), self.steps.value

    def captions(self) -> list[str]:
        return ["the picture", *(f"from {self.layer.value}, {i + 1}" for i in range(self.n_pictures))]

    def code(self) -> str:
        options = arguments(self.options)
        return snippet(
            self.load_line,
            self.image_picker.source.code(self.made_side),
            f'inverted = synthesis.invert(model, image, "{self.layer.value}", {options})',
            "figures.grid([image, *inverted.images])",
        )

    def summary(self) -> str:
        found = "one picture is" if self.n_pictures == 1 else f"{self.n_pictures} pictures are"
        return (
            f"From what {self.layer.value} of {self.display_name} answers to a picture"
            f" ({self.image_picker.source.description}) {found} found in {self.steps.value} steps,"
            f" with total variation of weight {self.tv.value:g} and beta {self.beta.value:g}."
        )


def _side_by_side(image: Tensor, step) -> Frame:
    """The picture and its reconstruction as one frame."""
    errors = {"features": float(step.feature_error.mean()), "pixels": float(step.image_error.mean())}
    return make_frame(torch.cat([image[None], step.images.cpu()]), **errors)
