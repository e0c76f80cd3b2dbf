"""The style explorer: the content of one picture in the style of another, with alpha against beta under the hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from cnnlab.explorers.choices import offer_layers
from cnnlab.explorers.film import Moment, moment
from cnnlab.explorers.growing import GrowingExplorer, named, slider
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sources import installed
from cnnlab.explorers.thumbnails import THUMB, Thumbnails, described, installed_thumbnails, thumbnail_sheet
from cnnlab.explorers.wishes import layer_widths
from cnnlab.networks.layers import resolve_layer
from cnnlab.synthesis import style_steps
from cnnlab.synthesis.style import usual_layers
from cnnlab.world import SCENES, render

RATIOS = tuple(10.0**power for power in (-1, -0.5, 0, 0.5, 1, 1.5, 2))
"""beta for alpha = 1."""
TEXTURES = ("brick", "grass", "gravel")
"""Photographs that are all style: they are offered first."""
_SEED = 3


class StyleExplorer(GrowingExplorer):
    """Style transfer, live, and the whole row of weights to slide through.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        The content: the name of a photograph, a seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    style, steps, size
        The style at first (see `style`), how many steps, and the side of the pictures.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        What looks, and the content.
    style
        One of `cnnlab.photographs()` ("flower", "brick"), or a scene of the world without an object.
    ratio
        Which of `ratio_values` beta is, for alpha = 1. A setting that has been made is shown at once.
    all_button
        Make the pictures for all of them, one after the other; then slide.
    content_layer, style_layers, start, steps
        Where content and style are compared, where the search starts ("noise" too), and how many steps.
    player
        `film.run_button`, `film.stop_button`, `film.scrubber`, `film.live`.
    """

    title = "Style transfer"
    question = "What would this picture be in the style of that one?"
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
        self.size = size
        self.made: dict[tuple, list[Moment]] = {}
        self.style = Thumbnails(**style_traits(), value=style)
        self.ratio = slider("Beta", 3, 0, len(RATIOS) - 1)
        self.ratio.readout = False
        self.weights = widgets.HTML().add_class("cnnlab-quiet")
        self.all_button = widgets.Button(description="Make all weights").add_class("cnnlab-wide")
        self.content_layer = SearchSelect(description="Content")
        self.style_layers = widgets.SelectMultiple(rows=5, description="Style in")
        starts = [("the content", "content"), ("noise", "noise"), ("grey", "zero")]
        self.start = widgets.Dropdown(options=starts, description="Start")
        self.steps = slider("Steps", steps, 4, 200, 4)
        names = named(
            style=(self.style, "Picture whose style is taken"),
            ratio=(self.ratio, "Weight beta of the style, alpha of the content being 1"),
            content=(self.content_layer, "Layer at which the content is compared"),
            layers=(self.style_layers, "Layers at which the style is compared"),
            start=(self.start, "Where the search starts"),
            steps=(self.steps, "Number of steps"),
        )
        shown = [self.style, self.content_layer, self.style_layers, self.start, self.steps]
        groups = {"Content": self.pictures.rows, "Picture": [], "Style": shown}
        groups["Alpha and beta"] = [self.ratio, self.weights, self.all_button]
        self.open(groups, names, [*shown, self.ratio])
        self._drawing: Growth[dict] = Growth()
        self._drawing.start(style_sheets(self.style.names), self._show_styles, self.after(lambda: None))
        self.all_button.on_click(lambda _button: self.attempt(self.make_all))

    @property
    def options(self) -> dict[str, object]:
        """What the controls say, as arguments of `cnnlab.synthesis.transfer_style`."""
        return {
            "content_layers": [self.content_layer.value],
            "style_layers": list(self.style_layers.value),
            "alpha": 1.0,
            "beta": round(RATIOS[self.ratio.value], 4),
            "start": self.start.value,
            "steps": self.steps.value,
        }

    def run(self) -> None:
        """Paint, or show at once what has been painted with this setting."""
        self._say_weights()
        kept = self.made.get(self._setting())
        if kept:
            self.film.play(iter(kept), len(kept) - 1)
        else:
            super().run()

    def make_all(self) -> None:
        """One run after the other, for every weight, as one film."""
        chosen, runs = self.ratio.value, []
        live, self.film.live.value = self.film.live.value, False
        for place in range(len(RATIOS)):
            self.ratio.value = place
            runs.append((self._setting(), self.moments()[0]))
        self.ratio.value = chosen
        self.film.live.value = live
        self.film.start(self._through(runs), len(runs) * (self.steps.value + 1) - 1)

    def offer(self) -> None:
        names = list(layer_widths(self.model, self.side, maps=True))
        style, content = usual_layers(self.model)
        compared = [
            name for name in names if name in style or isinstance(resolve_layer(self.model, name), nn.Conv2d)
        ]
        offer_layers(self.content_layer, names)
        self.style_layers.options = compared
        self.content_layer.value, self.style_layers.value = content[0], tuple(style)
        self._say_weights()

    def moments(self) -> tuple[Iterator[Moment], int]:
        content, style = self._pictures()
        if not self.style_layers.value:
            raise ValueError("choose at least one layer at which the style is compared.")
        made = style_steps(self.model, content, style, **self.options)
        return self._kept(self._setting(), content, style, made), self.steps.value

    def captions(self) -> list[str]:
        return ["the content", f"the style: {self.style.value}", "content in this style"]

    def code(self) -> str:
        picture = self.pictures.source.code(self.size)
        name = self.style.value
        style = (
            f'world.render({_SEED}, shape="none", scene="{name}", size={self.size}).image'
            if name in SCENES
            else f'cnnlab.photographs()["{name}"].image({self.size})'
        )
        options = ", ".join(f"{key}={value!r}" for key, value in self.options.items()).replace("'", '"')
        return "\n".join(
            [
                "import cnnlab",
                "from cnnlab import figures, synthesis, world",
                "",
                self.load_line,
                picture,
                f"style = {style}",
                f"made = synthesis.transfer_style(model, image, style, {options})",
                "figures.grid([image, style, made.image])",
            ]
        )

    def describe(self) -> str:
        return (
            f"Style explorer. The content is a picture ({self.pictures.source.words}), the style that of {self.style.value};"
            f" {self.called} compares content at {self.content_layer.value} and style at {', '.join(self.style_layers.value)}."
            " Run the cell to change it."
        )

    def _pictures(self) -> tuple[Tensor, Tensor]:
        name = self.style.value
        style = _scene(name, self.size) if name in SCENES else installed()[name].image(self.size)
        return self.pictures.source.image(self.size), style

    def _show_styles(self, sheet: dict) -> None:
        if sheet:
            self.style.sheet = sheet

    def _setting(self) -> tuple:
        options = {
            key: tuple(value) if isinstance(value, list) else value for key, value in self.options.items()
        }
        return (id(self.model), self.pictures.source, self.style.value, *options.values())

    def _kept(self, setting: tuple, content: Tensor, style: Tensor, made: Iterator) -> Iterator[Moment]:
        """The moments of a run, which are kept once it is whole."""
        moments = []
        for one in made:
            losses = {"content": float(one.content_loss[-1]), "style": float(one.style_loss[-1])}
            moments.append(moment(torch.stack([content, style, one.image.cpu()]), **losses))
            if one.step == self.steps.value:
                self.made[setting] = moments
            yield moments[-1]

    def _through(self, runs: list[tuple[tuple, Iterator[Moment]]]) -> Iterator[Moment]:
        for setting, moments in runs:
            yield from self.made.get(setting) or moments

    def _say_weights(self) -> None:
        self.weights.value = f"alpha = 1, beta = {RATIOS[self.ratio.value]:.3g}"


def style_traits() -> dict[str, object]:
    """What a `Thumbnails` needs to offer the styles: photographs, textures first, and scenes without an object."""
    known = installed()
    first = [name for name in TEXTURES if name in known.names]
    names = [*first, *(name for name in known.names if name not in first)]
    traits = described(known[names])
    traits["names"] += SCENES
    traits["words"] += [f"{name}, a scene of the rendered world without an object" for name in SCENES]
    traits["captions"] += [f"scene {name}, rendered" for name in SCENES]
    return {**traits, "label": "Styles"}


def style_sheets(names: Sequence[str]) -> Iterator[dict]:
    """The thumbnails of the styles, photographs first; those of the scenes are drawn one in a step, and shown with the last."""
    photographs = dict(zip(installed().names, installed_thumbnails(), strict=True))
    images = [photographs[name] for name in names if name in photographs]
    yield thumbnail_sheet(images)
    for name in names[len(images) :]:
        images.append(_scene(name, THUMB))
        yield {}
    yield thumbnail_sheet(images)


@lru_cache(maxsize=2 * len(SCENES))
def _scene(name: str, size: int) -> Tensor:
    return render(_SEED, shape="none", scene=name, size=size).image
