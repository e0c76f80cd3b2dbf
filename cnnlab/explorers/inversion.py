"""Inversion explorer: pictures reconstructed from the features of a layer."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from cnnlab.explorers.optimisation_base import OptimisationExplorer, accessible_names_of, slider
from cnnlab.explorers.search_select import SearchSelect
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

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        The network, and the picture that it is given.
    layer, beta, tv, restarts, steps, start, parametrisation
        The layer, exponent and weight of the total variation, number of restarts and steps, the start, and the parametrisation.
    player
        `player.run_button`, `player.stop_button`, `player.scrubber`, `player.auto_run`.
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
        self._initial_layer = layer
        self.layer = SearchSelect(description="Layer")
        self.beta = slider("Beta", 2.0, 1.0, 3.0, 0.1)
        self.tv = slider("TV", 0.0002, 0.0, 0.003, 0.0001)
        self.restarts = slider("Restarts", 2, 1, 5)
        self.steps = slider("Steps", steps, 10, 300, 10)
        self.start = widgets.Dropdown(options=[("noise", "noise"), ("grey", "zero")], description="Start")
        parametrisations = [("waves (Fourier)", "fourier"), ("pixels", "pixels")]
        self.parametrisation = widgets.Dropdown(options=parametrisations, description="In")
        controls = [self.layer, self.restarts, self.steps, self.start, self.parametrisation]
        names = accessible_names_of(
            layer=(self.layer, "Layer that is inverted"),
            beta=(self.beta, "Exponent of the total variation"),
            tv=(self.tv, "Weight of the total variation"),
            restarts=(self.restarts, "Pictures from different noise"),
            steps=(self.steps, "Number of steps"),
            start=(self.start, "Where the search starts"),
            coordinates=(self.parametrisation, "Coordinates of the picture"),
        )
        self.assemble(
            {"Inversion": controls, "Prior": [self.beta, self.tv]}, names, [*controls, self.beta, self.tv]
        )

    @property
    def options(self) -> dict[str, object]:
        """The settings of the controls, as arguments of `cnnlab.synthesis.invert`."""
        return {
            "steps": self.steps.value,
            "restarts": self.restarts.value,
            "beta": round(self.beta.value, 4),
            "tv": round(self.tv.value, 6),
            "start": self.start.value,
            "parametrisation": self.parametrisation.value,
        }

    def update_options(self) -> None:
        self.set_layer_options(self.layer, self._initial_layer, maps=False)

    def frames(self) -> tuple[Iterator[Frame], int]:
        image = self.image_picker.source.image(self.made_side)
        steps = invert_steps(self.model, image, self.layer.value, **self.options)
        return (_side_by_side(image, step) for step in steps), self.steps.value

    def captions(self) -> list[str]:
        return ["the picture", *(f"from {self.layer.value}, {i + 1}" for i in range(self.restarts.value))]

    def code(self) -> str:
        picture = self.image_picker.source.code(self.made_side)
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return "\n".join(
            [
                "import cnnlab",
                "from cnnlab import figures, synthesis" + (", world" if "world." in picture else ""),
                "",
                self.load_line,
                picture,
                f'inverted = synthesis.invert(model, image, "{self.layer.value}", {options})'.replace(
                    "'", '"'
                ),
                "figures.grid([image, *inverted.images])",
            ]
        )

    def describe(self) -> str:
        return (
            f"Inversion explorer. From what {self.layer.value} of {self.display_name} answers to a picture"
            f" ({self.image_picker.source.description}) {self.restarts.value} pictures are found in {self.steps.value} steps,"
            f" with total variation of weight {self.tv.value:g} and beta {self.beta.value:g}. Run the cell to change it."
        )


def _side_by_side(image: Tensor, step) -> Frame:
    """The picture and its reconstruction as one frame."""
    errors = {"features": float(step.feature_error.mean()), "pixels": float(step.image_error.mean())}
    return make_frame(torch.cat([image[None], step.images.cpu()]), **errors)
