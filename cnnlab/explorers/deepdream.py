"""DeepDream explorer: amplifies what a layer detects in a picture, at several sizes and in a zoom."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.explorers.controls import button, choice, search, slow_slider
from cnnlab.explorers.optimisation_base import OptimisationExplorer, takes
from cnnlab.explorers.snippet import arguments, snippet
from cnnlab.explorers.step_player import Frame, make_frame
from cnnlab.synthesis import deepdream_steps, deepdream_zoom

SIZES, SIZE = [96, 144, 192, 240], 144
OCTAVES = 5


class DeepDreamExplorer(OptimisationExplorer):
    """DeepDream explorer: the dream as it forms, at several sizes and in a zoom.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    layer, steps
        The first layer to amplify, and the number of steps at each size.
    """

    name = "DeepDream explorer"
    title = "DeepDream"
    question = "What does a layer see, if it may have more of it?"
    curve_label = "distance from the picture"
    run_label = "Dream"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        *,
        layer: str = "relu5",
        steps: int = 16,
    ):
        super().__init__(model, picture)
        self._initial_layer, self._zooming = layer, False
        zoom_controls = {
            "zoom_button": button("Walk into it"),
            "n_frames": slow_slider("Frames", 12, 2, 40, name="Frames of the walk"),
            "zoom": slow_slider(
                *("Zoom", 1.08, 1.01, 1.3, 0.01),
                name="Factor by which the picture grows between two frames",
            ),
            "rotate": slow_slider(
                "Rotate", 1.0, 0.0, 10.0, 0.5, name="Degrees by which it turns between two frames"
            ),
        }
        self.assemble(
            {
                "Dream": {
                    "layer": search("Layer", name="Layer that dreams"),
                    "octaves": slow_slider(
                        "Octaves", 3, 1, OCTAVES, name="Octaves: sizes at which it dreams"
                    ),
                    "octave_scale": slow_slider("Ratio", 1.4, 1.1, 2.0, 0.1, name="Ratio of two sizes"),
                    "steps": slow_slider("Steps", steps, 2, 40, name="Steps at each size"),
                    "jitter": slow_slider(
                        "Jitter", 8, 0, 16, name="Jitter: largest shift in pixels before each step"
                    ),
                    "tv": slow_slider("TV", 0.002, 0.0, 0.02, 0.001, name="Weight of the total variation"),
                    "size": choice("Size", SIZES, SIZE, name="Side of the picture in pixels"),
                },
                "Walk into the dream": zoom_controls,
            },
            silent=list(zoom_controls),
        )
        self.on_click(self.run_zoom, self.zoom_button)

    @property
    def options(self) -> dict[str, object]:
        """The settings of the controls, as arguments of `cnnlab.synthesis.deepdream`."""
        return {
            "octaves": self.octaves.value,
            "octave_scale": round(self.octave_scale.value, 2),
            "steps": self.steps.value,
            "jitter": self.jitter.value,
            "tv": round(self.tv.value, 6),
        }

    def run_zoom(self) -> None:
        """Zoom into the dream: dream, enlarge the middle, dream again, frame after frame."""
        picture = self.image_picker.source.image(self.size.value)
        options = self.options | {"octaves": min(2, self.octaves.value), "steps": min(6, self.steps.value)}
        frames = deepdream_zoom(
            self.model,
            picture,
            self.layer.value,
            frames=self.n_frames.value,
            zoom=self.zoom.value,
            rotate=self.rotate.value,
            **options,
        )
        self._zooming = True
        self.player.start((_side_by_side(picture, frame) for frame in frames), self.n_frames.value - 1)

    def run(self) -> None:
        self._zooming = False
        super().run()

    def update_options(self) -> None:
        self.set_layer_options(self.layer, self._initial_layer, maps=True)
        another = next(side for side in SIZES if side != self.side)
        if takes(self.model, another, [self.layer.value]):
            sizes, size, self.octaves.max = SIZES, SIZE, OCTAVES
        else:  # as a vision transformer
            sizes, size, self.octaves.max = [self.side], self.side, 1
        if self.size.options != tuple(sizes):
            self.size.options, self.size.value = sizes, size

    def frames(self) -> tuple[Iterator[Frame], int]:
        picture = self.image_picker.source.image(self.size.value)
        dreams = deepdream_steps(self.model, picture, self.layer.value, **self.options)
        total = self.octaves.value * (self.steps.value + 1) - 1
        return (_side_by_side(picture, dream) for dream in dreams), total

    def captions(self) -> list[str]:
        return ["the picture", f"{'a walk into the' if self._zooming else 'the'} dream of {self.layer.value}"]

    def code(self) -> str:
        options = arguments(self.options)
        return snippet(
            self.load_line,
            self.image_picker.source.code(self.size.value),
            f'dream = synthesis.deepdream(model, image, "{self.layer.value}", {options})',
            "figures.grid([image, dream])",
        )

    def summary(self) -> str:
        return (
            f"{self.display_name} dreams of a picture ({self.image_picker.source.description}): more of what"
            f" {self.layer.value} sees in it, at {self.octaves.value} sizes with {self.steps.value} steps each."
        )


def _side_by_side(picture: Tensor, dream: Tensor) -> Frame:
    """The picture and the dream as one frame; a dream at a smaller size is enlarged."""
    enlarged = F.interpolate(dream.detach().cpu()[None], picture.shape[-2:], mode="nearest")[0]
    return make_frame(
        torch.stack([picture, enlarged]), distance=float((enlarged - picture).square().mean().sqrt())
    )
