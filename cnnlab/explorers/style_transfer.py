"""Style transfer explorer: the content of one picture in the style of another, at adjustable weights alpha and beta."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.choices import offer_layers
from cnnlab.explorers.controls import button, choice, named, search, slow_slider
from cnnlab.explorers.effort import PATIENCE
from cnnlab.explorers.image_sources import installed_photographs
from cnnlab.explorers.optimisation_base import OptimisationExplorer, takes
from cnnlab.explorers.render.maximisation import layer_widths
from cnnlab.explorers.snippet import arguments, snippet
from cnnlab.explorers.step_player import Frame, make_frame
from cnnlab.explorers.thumbnails import (
    THUMB,
    Thumbnails,
    installed_thumbnails,
    photograph_traits,
    thumbnail_atlas,
)
from cnnlab.networks.activations import resolve_layer
from cnnlab.synthesis import style_steps
from cnnlab.synthesis.style_transfer import default_layers
from cnnlab.world import SCENES, render

RATIOS = tuple(10.0**power for power in (-1, -0.5, 0, 0.5, 1, 1.5, 2))
"""beta for alpha = 1."""
TEXTURES = ("brick", "grass", "gravel")
"""Photographs of textures, which are offered first."""
_SEED = 3


class StyleTransferExplorer(OptimisationExplorer):
    """Style transfer explorer: the picture as it forms, and a slider over a row of style weights.

    The weight beta is one of `ratio_values`, at alpha = 1. A setting that was run before is shown at once; `all_button` runs all of them.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        The content: the name of a photograph, a seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    style, steps, size
        The first style (see `style`), the number of steps, and the side of the pictures; that of the network, if it takes no other.
    """

    name = "Style explorer"
    title = "Style transfer"
    question = "What would this picture be in the style of that one?"
    picture_group = "Content"
    curve_label = "relative loss"
    run_label = "Paint"
    ratio_values = RATIOS

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        *,
        style: str = "flower",
        steps: int = 60,
        size: int = 96,
    ):
        super().__init__(model, picture)
        self.size = self._size = size
        self.finished_runs: dict[tuple, list[Frame]] = {}
        self.weights_text = widgets.HTML().add_class("cnnlab-quiet")
        starts = [("the content", "content"), ("noise", "noise"), ("grey", "zero")]
        weight = "Weight beta of the style, alpha of the content being 1"
        self.assemble(
            {
                "Style": {
                    "style": named(Thumbnails(**style_traits(), value=style), "Picture whose style is taken"),
                    "content_layer": search("Content", name="Layer at which the content is compared"),
                    "style_layers": named(
                        widgets.SelectMultiple(rows=5, description="Style in"),
                        "Layers at which the style is compared",
                    ),
                    "start": choice("Start", starts, name="Where the search starts"),
                    "steps": slow_slider("Steps", steps, 4, 200, 4, name="Number of steps"),
                },
                "Alpha and beta": {
                    "ratio": slow_slider("Beta", 3, 0, len(RATIOS) - 1, name=weight, readout=False),
                    "weights_text": self.weights_text,
                    "all_button": button("Make all weights").add_class("cnnlab-wide"),
                },
            }
        )
        self._drawing: BackgroundSteps[dict] = BackgroundSteps(self.fail)
        self._drawing.start(style_sheets(self.style.names), self._show_styles)
        self.on_click(self.make_all, self.all_button)

    @property
    def options(self) -> dict[str, object]:
        """The settings of the controls, as arguments of `cnnlab.synthesis.transfer_style`."""
        return {
            "content_layers": [self.content_layer.value],
            "style_layers": list(self.style_layers.value),
            "alpha": 1.0,
            "beta": round(RATIOS[self.ratio.value], 4),
            "start": self.start.value,
            "steps": self.steps.value,
        }

    def run(self) -> None:
        """Run the style transfer, or show the stored result for this setting at once."""
        self._show_weights()
        finished = self.finished_runs.get(self._run_key())
        if finished:
            self.player.begin(iter(finished), len(finished) - 1, PATIENCE)
        else:
            super().run()

    def make_all(self) -> None:
        """Run for every weight, one after the other, as one sequence of frames."""
        chosen, runs = self.ratio.value, []
        auto_run, self.player.auto_run.value = self.player.auto_run.value, False
        for index in range(len(RATIOS)):
            self.ratio.value = index
            runs.append((self._run_key(), self.frames()[0]))
        self.ratio.value = chosen
        self.player.auto_run.value = auto_run
        self.player.start(self._chain(runs), len(runs) * (self.steps.value + 1) - 1)

    def update_options(self) -> None:
        names = list(layer_widths(self.model, self.side, maps=True))
        style, content = default_layers(self.model)
        compared = [
            name for name in names if name in style or isinstance(resolve_layer(self.model, name), nn.Conv2d)
        ]
        offer_layers(self.content_layer, names)
        self.style_layers.options = compared
        self.content_layer.value, self.style_layers.value = content[0], tuple(style)
        compared_by_default = [*content, *style]
        self.size = self._size if takes(self.model, self._size, compared_by_default) else self.side
        self._show_weights()

    def frames(self) -> tuple[Iterator[Frame], int]:
        content, style = self._content_and_style()
        if not self.style_layers.value:
            raise ValueError("choose at least one layer at which the style is compared.")
        steps = style_steps(self.model, content, style, **self.options)
        return self._cached_frames(self._run_key(), content, style, steps), self.steps.value

    def captions(self) -> list[str]:
        return ["the content", f"the style: {self.style.value}", "content in this style"]

    def code(self) -> str:
        name = self.style.value
        style = f'cnnlab.photographs()["{name}"].image({self.size})'
        if name in SCENES:
            style = f'world.render({_SEED}, shape="none", scene="{name}", size={self.size}).image'
        return snippet(
            self.load_line,
            self.image_picker.source.code(self.size),
            f"style = {style}",
            f"styled = synthesis.transfer_style(model, image, style, {arguments(self.options)})",
            "figures.grid([image, style, styled.image])",
        )

    def summary(self) -> str:
        return (
            f"The content is a picture ({self.image_picker.source.description}), the style that of {self.style.value};"
            f" {self.display_name} compares content at {self.content_layer.value} and style at {', '.join(self.style_layers.value)}."
        )

    def _content_and_style(self) -> tuple[Tensor, Tensor]:
        name = self.style.value
        style = _scene(name, self.size) if name in SCENES else installed_photographs()[name].image(self.size)
        return self.image_picker.source.image(self.size), style

    def _show_styles(self, sheet: dict) -> None:
        if sheet:
            self.style.atlas = sheet

    def _run_key(self) -> tuple:
        options = {
            key: tuple(value) if isinstance(value, list) else value for key, value in self.options.items()
        }
        return (id(self.model), self.image_picker.source, self.style.value, *options.values())

    def _cached_frames(self, key: tuple, content: Tensor, style: Tensor, steps: Iterator) -> Iterator[Frame]:
        """The frames of a run, which are stored once it is complete."""
        frames = []
        for step in steps:
            losses = {"content": float(step.content_loss[-1]), "style": float(step.style_loss[-1])}
            frames.append(make_frame(torch.stack([content, style, step.image.cpu()]), **losses))
            if step.step == self.steps.value:
                self.finished_runs[key] = frames
            yield frames[-1]

    def _chain(self, runs: list[tuple[tuple, Iterator[Frame]]]) -> Iterator[Frame]:
        for key, frames in runs:
            yield from self.finished_runs.get(key) or frames

    def _show_weights(self) -> None:
        self.weights_text.value = f"alpha = 1, beta = {RATIOS[self.ratio.value]:.3g}"


def style_traits() -> dict[str, object]:
    """The traits of a `Thumbnails` that offers the styles: photographs, textures first, and scenes without an object."""
    collection = installed_photographs()
    first = [name for name in TEXTURES if name in collection.names]
    names = [*first, *(name for name in collection.names if name not in first)]
    traits = photograph_traits(collection[names])
    traits["names"] += SCENES
    traits["descriptions"] += [f"{name}, a scene of the rendered world without an object" for name in SCENES]
    traits["captions"] += [f"scene {name}, rendered" for name in SCENES]
    return {**traits, "label": "Styles"}


def style_sheets(names: Sequence[str]) -> Iterator[dict]:
    """The thumbnails of the styles, photographs first; those of the scenes are rendered one in a step, and shown with the last."""
    photographs = dict(zip(installed_photographs().names, installed_thumbnails(), strict=True))
    images = [photographs[name] for name in names if name in photographs]
    yield thumbnail_atlas(images)
    for name in names[len(images) :]:
        images.append(_scene(name, THUMB))
        yield {}
    yield thumbnail_atlas(images)


@lru_cache(maxsize=2 * len(SCENES))
def _scene(name: str, size: int) -> Tensor:
    return render(_SEED, shape="none", scene=name, size=size).image
