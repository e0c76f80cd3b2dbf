"""The maximisation explorer: which picture does a class, a channel or a unit want most, and what does each regulariser do?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import ipywidgets as widgets
from torch import nn

from cnnlab.explorers import wishes
from cnnlab.explorers.bars import Bars, ranking
from cnnlab.explorers.choices import CLASSIFIERS, of_the_same_classes, offer_classes
from cnnlab.explorers.covered import class_names, probabilities
from cnnlab.explorers.film import Moment
from cnnlab.explorers.growing import GrowingExplorer, named, slider
from cnnlab.explorers.parts import heading
from cnnlab.explorers.regularisers import Regularisers
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.inputs import class_index
from cnnlab.networks.zoo import load

RECOGNISED = "flamingo"
"""A class whose picture is recognised at once."""


class MaximisationExplorer(GrowingExplorer):
    """Which picture does the network want? Gradient ascent on the picture, with every regulariser a slider.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        What the ascent starts from if it shall start from a picture.
    kind, number, layer, steps
        What is asked for at first: "class", "channel" or "unit", its number (of a class also its name; None takes a class that is
        easily recognised), the layer, and how many steps.

    Controls
    --------
    network, kind, target, layer, number, n_targets, restarts
        What shall grow, how many classes or channels from it on, and pictures for each.
    start, parametrisation, steps, comparison, second_network
        Where the ascent starts, in which coordinates; what is shown beside it; the network that is asked about the picture, too.
    sliders, defaults_button, off_button
        The regularisers by name, such as `explorer.sliders["jitter"].value = 0`, and the buttons that set all of them.
    player
        `film.run_button`, `film.stop_button`, `film.scrubber`, `film.live`.
    """

    kinds = (*CLASSIFIERS, "digits", "random labels")
    title = "Activation maximisation"
    question = "Which picture does the network want?"
    curve_label = "Mean of what shall grow"
    run_label = "Maximise"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        *,
        kind: str = "class",
        number: int | str | None = None,
        layer: str = "",
        steps: int = 64,
    ):
        super().__init__(model, picture)
        self.bars, self.sheet.largest = Bars(), 420
        self._first_layer, self._runs, self._lines = layer, [], []
        number = first_number(number, getattr(self.model, "class_names", ()), kind)
        self.kind = widgets.Dropdown(options=wishes.KINDS, value=kind, description="Kind")
        self.target = SearchSelect([("", number)], description="Class")
        self.layer = SearchSelect(description="Layer")
        self.number = slider("Number", number, 0, max(1, number))
        self.together = slider("At once", 1, 1, wishes.MOST)
        self.restarts = slider("Restarts", 1, 1, 6)
        starts = [("noise", "noise"), ("grey", "zero"), ("a picture", "picture")]
        self.start = widgets.Dropdown(options=starts, description="Start")
        ways = [("waves (Fourier)", "fourier"), ("pixels", "pixels")]
        self.coordinates = widgets.Dropdown(options=ways, description="In")
        self.steps = slider("Steps", steps, 8, 256, 8)
        self.beside = widgets.Dropdown(options=[("nothing", "")], description="Beside")
        self.judge = widgets.Dropdown(options=[("nobody", "")], description="Ask also")
        self._regularisers = Regularisers(lambda: self.attempt(self.changed))
        self.sliders = self._regularisers.sliders
        self.best, self.bare = self._regularisers.best, self._regularisers.bare
        self._lay_out()
        self.watch(self._layer_chosen, self.layer)
        self.watch(self._slid, *self.sliders.values())
        self.watch(self._ask, self.sheet, name="selected")
        self.watch(self._ask, self.judge)

    @property
    def wish(self) -> wishes.Wish:
        """What the controls say."""
        kind = self.kind.value
        number = self.target.value if kind == "class" else self.number.value
        count = len(self._classes) if kind == "class" else self._widths[self.layer.value]
        side = self.made_side
        start = self.pictures.source.image(side) if self.start.value == "picture" else self.start.value
        options = {"steps": self.steps.value, "parametrisation": self.coordinates.value, "seed": 0}
        options |= {} if side == self.side else {"size": side}
        return wishes.Wish(
            kind=kind,
            number=number,
            layer="" if kind == "class" else self.layer.value,
            together=min(self.together.value, count - number),
            restarts=self.restarts.value,
            start=start,
            options=options | self._regularisers.values,
        )

    def offer(self) -> None:
        self._classes = class_names(self.model, len(probabilities(self.model, self.image)))
        self._widths = wishes.layer_widths(self.model, self.side)
        number = min(self.target.value or 0, len(self._classes) - 1)
        offer_classes(self.target, self._classes)
        self.target.value = number
        self.offer_layers(self.layer, self._first_layer, maps=False)
        others = _judges(self.network_name, self._classes)
        beside, judge = self.beside.value, self.judge.value
        ways = [("nothing", ""), ("the other coordinates", "coordinates")]
        self.beside.options = [*ways, *((name, name) for name in others)]
        self.beside.value = beside if beside in ("coordinates", *others) else ""
        self.judge.options = [("nobody", ""), *((name, name) for name in others)]
        self.judge.value = judge if judge in others else (others[0] if others else "")
        self._fit()

    def moments(self) -> tuple[Iterator[Moment], int]:
        wish, beside = self.wish, self.beside.value
        runs = [(self.called, self.model, wish)]
        if beside == "coordinates":
            own = wish.options["parametrisation"]
            other = "fourier" if own == "pixels" else "pixels"
            second = replace(wish, options={**wish.options, "parametrisation": other})
            runs = [(own, self.model, wish), (other, self.model, second)]
        elif beside:
            runs.append((beside, _loaded(beside), wish))
        moments = wishes.growing(runs)
        several = len(runs) > 1
        self._runs = runs
        self._lines = [
            line
            for name, _, one in runs
            for line in wishes.captions(one, self._classes, name if several else "")
        ]
        return moments, self.steps.value

    def captions(self) -> list[str]:
        return self._lines

    def changed(self) -> None:
        self._fit()
        super().changed()

    def show(self, moment: Moment, resting: bool) -> None:
        super().show(moment, resting)
        count = len(self._lines)
        self.sheet.columns = 1 if count == 1 else 2 if count < 5 else 4
        if resting or not self.bars.entries:
            self._ask()

    def code(self) -> str:
        picture = self.pictures.source.code(self.made_side)
        return wishes.code(self.wish, self.network_name, self._classes, picture)

    def describe(self) -> str:
        beside = self.beside.label if self.beside.value else ""
        return wishes.describe(self.wish, self.network_name, self._classes, beside)

    # How it is laid out.

    def _lay_out(self) -> None:
        self._picture_rows = widgets.VBox(self.pictures.rows)
        wanted = [self.kind, self.target, self.layer, self.number, self.together, self.restarts]
        ascent = [self.start, self.coordinates, self.steps, self.beside]
        groups = {
            "Picture": [],
            "What it wants": wanted,
            "Ascent": [self.start, self._picture_rows, *ascent[1:]],
            "Regularisers": self._regularisers.rows,
        }
        names = named(
            kind=(self.kind, "Kind of what shall grow"),
            target=(self.target, "Class that shall grow"),
            layer=(self.layer, "Layer of the channel or unit"),
            number=(self.number, "Number of the channel or unit"),
            together=(self.together, "How many classes or channels at once"),
            restarts=(self.restarts, "Pictures for each, from different noise"),
            start=(self.start, "Where the ascent starts"),
            coordinates=(self.coordinates, "Coordinates of the picture"),
            steps=(self.steps, "Number of steps"),
            beside=(self.beside, "What is shown beside it"),
            judge=(self.judge, "Another network that is asked about the picture"),
        )
        controls = [self.kind, self.target, self.number, self.together, self.restarts, *ascent]
        answer = [heading("What the network says"), self.bars, self.judge]
        self.open(groups, [*names, *self._regularisers.names], controls, result=answer)

    def _fit(self) -> None:
        """Show the controls that matter for the kind and the start, and fit their ranges."""
        of_class = self.kind.value == "class"
        self.number.max = self._widths[self.layer.value] - 1
        for control, wanted in (
            (self.target, of_class),
            (self.layer, not of_class),
            (self.number, not of_class),
        ):
            control.layout.display = "" if wanted else "none"
        self._picture_rows.layout.display = "" if self.start.value == "picture" else "none"

    # What happens when a control changes.

    def _slid(self) -> None:
        if not self._regularisers.setting:
            self.changed()

    def _layer_chosen(self) -> None:
        if self.kind.value != "class":
            self.changed()

    def _ask(self) -> None:
        """Ask about the chosen picture: the network that it was made for, and another one."""
        if not self.film.moments or not self._runs:
            return
        tile = max(self.sheet.selected, 0)
        image = self.film.moments[self.film.shown].images[tile]
        made_for, model, wish = self._runs[tile // (len(self._lines) // len(self._runs))]
        now = probabilities(model, image)
        judge = _loaded(self.judge.value) if self.judge.value else model
        self.bars.words = [made_for, self.judge.value or "the same"]
        of_class = wish.kind == "class"
        target = wish.numbers[tile % wish.count // wish.restarts] if of_class else int(now.argmax())
        self.bars.entries = ranking(now, probabilities(judge, image), self._classes, target)


def first_number(number: int | str | None, names: Sequence[str], kind: str) -> int:
    """The number that is meant: of a class also by its name; without one, the class `RECOGNISED` where the network knows it."""
    if isinstance(number, str):
        return class_index(number, names)
    if number is None:
        return class_index(RECOGNISED, names) if kind == "class" and RECOGNISED in names else 0
    return number


def _judges(own: str, classes: tuple[str, ...]) -> list[str]:
    """The networks that tell the same classes apart; the robust one first."""
    same = of_the_same_classes(own, classes)
    return sorted(same, key=lambda name: ("robust" not in name, name != "mini_resnet"))


_loaded = lru_cache(maxsize=4)(load)
