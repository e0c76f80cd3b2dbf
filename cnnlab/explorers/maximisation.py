"""The maximisation explorer: which picture does a class, a channel or a unit want most, and what does each regulariser do?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import ipywidgets as widgets
from torch import nn

from cnnlab.explorers import wishes
from cnnlab.explorers.bars import Bars, ranking
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.covered import class_names, probabilities
from cnnlab.explorers.film import Film, Moment, curves_figure, strip_figure
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.sheet import Chart, Sheet, picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.networks import weights
from cnnlab.networks.zoo import available, load

SLIDERS = {
    "jitter": ("Jitter", 0, 24, 1, "Jitter: largest shift in pixels before each step"),
    "zoom": ("Zoom", 0, 0.5, 0.05, "Largest change of size before each step"),
    "turn": ("Turn", 0, 45, 1, "Largest turn in degrees before each step"),
    "l2": ("L2", 0, 0.005, 0.0001, "Weight of the squared distance from grey"),
    "tv": ("TV", 0, 0.01, 0.0005, "Weight of the total variation"),
    "blur": ("Blur", 0, 2, 0.1, "Sigma of the blur in pixels, every fourth step"),
    "clip_pixels": ("Small px", 0, 0.9, 0.05, "Share of the smallest pixels that are made grey"),
    "clip_contributions": (
        "Small gr",
        0,
        0.9,
        0.05,
        "Share of the pixels with the smallest gradient times size that are made grey",
    ),
}
"""Regulariser: label, least, most, step, name for who cannot see it."""


class MaximisationExplorer(Explorer):
    """Which picture does the network want? Gradient ascent on the picture, with every regulariser a slider.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        What the ascent starts from if it shall start from a picture.
    kind, number, layer, steps
        What is asked for at first: "class", "channel" or "unit", its number, the layer, and how many steps.

    Controls
    --------
    network, kind, target, layer, number, together, restarts
        What shall grow, how many classes or channels from it on, and pictures for each.
    start, coordinates, steps, beside, judge
        Where the ascent starts, in which coordinates; what is shown beside it; the network that is asked about the picture, too.
    sliders
        The regularisers by name: `explorer.sliders["jitter"].value = 0`.
    film
        `film.run_button`, `film.stop_button`, `film.scrubber`, `film.live`.
    """

    title = "Activation maximisation"
    question = "Which picture does the network want?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        *,
        kind: str = "class",
        number: int = 0,
        layer: str = "",
        steps: int = 64,
    ):
        super().__init__(model, picture)
        self.sheet, self.bars, self.chart = Sheet(columns=2, largest=420), Bars(), Chart()
        self.film = Film(self._show, self.say, self.fail, "Maximise")
        self._runs: list = []
        self._captions: list[str] = []
        self._make_controls(kind, number, steps)
        self._first_layer = layer
        self._lay_out()
        self.begin()
        controls = (self.kind, self.target, self.number, self.together, self.restarts, self.start)
        self.watch(self._layer_chosen, self.layer)
        self.watch(self._changed, *controls, self.coordinates, self.steps, self.beside)
        self.watch(self._changed, *self.sliders.values())
        self.watch(self._pointed, self.sheet, name="selected")
        self.watch(self._pointed, self.judge)
        self.film.run_button.on_click(lambda _button: self.attempt(self.run))
        self.best.on_click(lambda _button: self.attempt(lambda: self._set_all(wishes.BEST)))
        self.bare.on_click(lambda _button: self.attempt(lambda: self._set_all(wishes.NONE)))

    @property
    def wish(self) -> wishes.Wish:
        """What the controls say."""
        kind = self.kind.value
        number = self.target.value if kind == "class" else self.number.value
        count = len(self._classes) if kind == "class" else self._widths[self.layer.value]
        options = {name: slider.value for name, slider in self.sliders.items()}
        coordinates = "pixels" if self.coordinates.value == "pixels" else "fourier"
        return wishes.Wish(
            kind,
            number,
            "" if kind == "class" else self.layer.value,
            min(self.together.value, count - number),
            self.restarts.value,
            self.image if self.start.value == "picture" else self.start.value,
            {"steps": self.steps.value, "parametrisation": coordinates, "seed": 0, **options},
        )

    def run(self) -> None:
        """Let the pictures grow, step by step."""
        self.film.start(self._moments(), self.steps.value)

    def refresh(self) -> None:
        self._classes = class_names(self.model, len(probabilities(self.model, self.image)))
        self._widths = wishes.layer_widths(self.model, self.side)
        self._offer()
        first = not self.film.moments
        (self.film.play if first else self.film.start)(self._moments(), self.steps.value)

    def code(self) -> str:
        return wishes.code(self.wish, self.network_name, self._classes, self.pictures.source.code(self.side))

    def describe(self) -> str:
        return wishes.describe(
            self.wish, self.network_name, self._classes, self.beside.label if self.beside.value else ""
        )

    def still(self) -> bytes:
        shown = self.film.moments[self.film.shown]
        return still_figure(
            strip_figure(f"{self.title}: {self.question}", shown.images, self._captions, columns=5)
        )

    # How it is made.

    def _make_controls(self, kind: str, number: int, steps: int) -> None:
        slow = {"continuous_update": False}
        self.kind = widgets.Dropdown(options=wishes.KINDS, value=kind, description="Kind")
        self.target = widgets.Dropdown(options=[("", number)], description="Class")
        self.layer = widgets.Dropdown(description="Layer")
        self.number = widgets.IntSlider(number, min=0, max=max(1, number), description="Number", **slow)
        self.together = widgets.IntSlider(1, min=1, max=wishes.MOST, description="At once", **slow)
        self.restarts = widgets.IntSlider(1, min=1, max=6, description="Restarts", **slow)
        starts = [("noise", "noise"), ("grey", "zero"), ("a picture", "picture")]
        self.start = widgets.Dropdown(options=starts, value="noise", description="Start")
        ways = [("waves (Fourier)", "fourier"), ("pixels", "pixels")]
        self.coordinates = widgets.Dropdown(options=ways, value="fourier", description="In")
        self.steps = widgets.IntSlider(steps, min=8, max=256, step=8, description="Steps", **slow)
        self.beside = widgets.Dropdown(options=[("nothing", "")], description="Beside")
        self.judge = widgets.Dropdown(options=[("nobody", "")], description="Ask also")
        self.sliders = {
            name: _slider(label, least, most, step, wishes.BEST[name])
            for name, (label, least, most, step, _) in SLIDERS.items()
        }
        self.best, self.bare = widgets.Button(description="as usual"), widgets.Button(description="none")

    def _lay_out(self) -> None:
        self._picture_rows = widgets.VBox(self.pictures.rows)
        wanted = [self.kind, self.target, self.layer, self.number, self.together, self.restarts]
        row = widgets.HBox([self.best, self.bare]).add_class("cnnlab-row")
        self.arrange(
            {
                "Picture": [],
                "What it wants": wanted,
                "Ascent": [self.start, self._picture_rows, self.coordinates, self.steps, self.beside],
                "Regularisers": [row, *self.sliders.values()],
            },
            stage=[self.film.panel, self.sheet],
            result=[heading("What the network says"), self.bars, self.judge, heading("Score"), self.chart],
            names=[
                *names_for(self.kind, "kind", "Kind of what shall grow"),
                *names_for(self.target, "target", "Class that shall grow"),
                *names_for(self.layer, "layer", "Layer of the channel or unit"),
                *names_for(self.number, "number", "Number of the channel or unit"),
                *names_for(self.together, "together", "How many classes or channels at once"),
                *names_for(self.restarts, "restarts", "Pictures for each, from different noise"),
                *names_for(self.start, "start", "Where the ascent starts"),
                *names_for(self.coordinates, "coordinates", "Coordinates of the picture"),
                *names_for(self.steps, "steps", "Number of steps"),
                *names_for(self.beside, "beside", "What is shown beside it"),
                *names_for(self.judge, "judge", "Another network that is asked about the picture"),
                *self.film.names,
                *(
                    entry
                    for name, slider in self.sliders.items()
                    for entry in names_for(slider, name, SLIDERS[name][4])
                ),
            ],
        )

    def _offer(self) -> None:
        """Offer what this network has: classes, layers, networks that know the same classes."""
        number = min(self.target.value or 0, len(self._classes) - 1)
        self.target.options = [(name, i) for i, name in enumerate(self._classes)]
        self.target.value = number
        layer = self.layer.value or self._first_layer
        self.layer.options = list(self._widths)
        self.layer.value = layer if layer in self._widths else list(self._widths)[len(self._widths) // 2]
        others = _of_the_same_classes(self.network_name, self._classes)
        beside, judge = self.beside.value, self.judge.value
        self.beside.options = [
            ("nothing", ""),
            ("the other coordinates", "coordinates"),
            *((n, n) for n in others),
        ]
        self.beside.value = beside if beside in ("coordinates", *others) else ""
        self.judge.options = [("nobody", ""), *((name, name) for name in others)]
        self.judge.value = judge if judge in others else (others[0] if others else "")
        self._fit()

    def _fit(self) -> None:
        """Show the controls that matter for the kind and the start, and fit their ranges."""
        of_class, from_picture = self.kind.value == "class", self.start.value == "picture"
        self.number.max = self._widths[self.layer.value] - 1
        for control, wanted in (
            (self.target, of_class),
            (self.layer, not of_class),
            (self.number, not of_class),
        ):
            control.layout.display = "" if wanted else "none"
        self._picture_rows.layout.display = "" if from_picture else "none"

    # What happens when a control changes.

    def _changed(self) -> None:
        self._fit()
        if self.film.live.value:
            self.run()
        else:
            self.film.forget()

    def _layer_chosen(self) -> None:
        if self.kind.value != "class":
            self._changed()

    def _set_all(self, values: dict[str, float]) -> None:
        live, self.film.live.value = self.film.live.value, False
        for name, value in values.items():
            self.sliders[name].value = value
        self.film.live.value = live
        self._changed()

    def _moments(self) -> Iterator[Moment]:
        """The runs that the controls ask for, as one film."""
        wish, beside = self.wish, self.beside.value
        own = self.network_name or getattr(self.model, "name", type(self.model).__name__)
        runs = [(own, self.model, wish)]
        if beside == "coordinates":
            other = "fourier" if wish.options["parametrisation"] == "pixels" else "pixels"
            second = replace(wish, options={**wish.options, "parametrisation": other})
            runs = [(wish.options["parametrisation"], self.model, wish), (other, self.model, second)]
        elif beside:
            runs.append((beside, _loaded(beside), wish))
        moments = wishes.growing(runs)
        self._runs = runs
        self._captions = [
            line
            for name, _, one in runs
            for line in wishes.captions(one, self._classes, name if len(runs) > 1 else "")
        ]
        return moments

    def _show(self, moment: Moment, resting: bool) -> None:
        count = len(self._captions)
        with self.sheet.hold_sync():
            self.sheet.columns = 1 if count == 1 else 2 if count < 5 else 4
            self.sheet.tiles, self.sheet.captions = picture_tiles(moment.images), self._captions
            self.sheet.selected = min(max(self.sheet.selected, 0), count - 1)
            self.sheet.label = "The pictures that are wanted"
        if resting:
            curves = {name: self.film.curve(name) for name in moment.numbers}
            figure = curves_figure(curves, "mean of what shall grow", self.film.shown)
            self.chart.show(still_figure(figure), f"The score over the steps, at step {self.film.shown}.")
            self._pointed()

    def _pointed(self) -> None:
        """Ask about the chosen picture: the network that it was made for, and another one."""
        if not self.film.moments:
            return
        tile = max(self.sheet.selected, 0)
        image = self.film.moments[self.film.shown].images[tile]
        made_for, model, wish = self._runs[tile // (len(self._captions) // len(self._runs))]
        now = probabilities(model, image)
        judge = _loaded(self.judge.value) if self.judge.value else model
        name = self.judge.value or "the same"
        self.bars.words = [made_for, name]
        target = (
            wish.numbers[tile % wish.count // wish.restarts] if wish.kind == "class" else int(now.argmax())
        )
        self.bars.entries = ranking(now, probabilities(judge, image), self._classes, target)


def _slider(label: str, least: float, most: float, step: float, value: float) -> widgets.Widget:
    if isinstance(step, int):
        return widgets.IntSlider(
            int(value), min=least, max=most, step=step, description=label, continuous_update=False
        )
    form = ".4f" if step < 0.01 else ".2f"
    return widgets.FloatSlider(
        value, min=least, max=most, step=step, description=label, readout_format=form, continuous_update=False
    )


def _of_the_same_classes(own: str, classes: tuple[str, ...]) -> list[str]:
    """The networks that load without a connection and tell the same classes apart; the robust one first."""
    ready = [
        name for name, info in available().items() if info.ready and info.source == "shipped" and name != own
    ]
    same = [name for name in ready if tuple(weights.card(name)["classes"]) == tuple(classes)]
    return sorted(same, key=lambda name: ("robust" not in name, name != "mini_resnet"))


_loaded = lru_cache(maxsize=4)(load)
