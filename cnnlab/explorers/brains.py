"""The brain explorer: a layer of a network beside a population of neurons, with as many units and as much noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.codes import Recordings, features
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, last_but_one, offer_layers
from cnnlab.explorers.code_book import layers_with_codes
from cnnlab.explorers.collection import pictures_in_a_step
from cnnlab.explorers.growth import Growth, told
from cnnlab.explorers.parts import heading, load_line, names_for
from cnnlab.explorers.populations import (
    Compared,
    Setting,
    compared,
    decoding_figure,
    simulated_populations,
    unlike,
)
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Chart, Sheet, map_tiles, picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.figures.colours import LINES


class BrainExplorer(Explorer):
    """Does a layer see as neurons do? Equal numbers of units, matched noise: decoding, and which pictures are alike.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    recordings
        Populations by name, such as {"IT": cnnlab.codes.read_recordings("it.npz")}; None takes two that are simulated, and say so.
    layer
        The layer that is compared first; None takes the last but one.

    Controls
    --------
    network, layer, population
        What is compared with what.
    units, trials, noise, random_seed
        How many units of each; over how many trials responses are averaged; how much of the recorded noise the layer gets (1: as much);
        the seed.
    pair
        A click into a table shows the two pictures that it compares there.

    Example
    -------
    >>> explorer = BrainExplorer("mini_alexnet", layer="relu5")
    >>> explorer.units.value, explorer.noise.value = 40, 0.0
    """

    kinds = (*CLASSIFIERS, "random labels")
    title = "Networks and brains"
    question = "Does a layer see as neurons do?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        recordings: Mapping[str, Recordings] | None = None,
        layer: str | None = None,
    ):
        super().__init__(model)
        self.populations = dict(recordings) if recordings else simulated_populations()
        self.found: Compared | None = None
        self._codes: dict[tuple, Tensor] = {}
        self._growth: Growth[None] = Growth()
        self._known: nn.Module | None = None
        self._first = layer
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._another, self.population)
        self.watch(self._compare, self.layer, self.units, self.trials, self.noise, self.chance)
        for sheet in (self.table, self.layer_table):
            self.watch(lambda sheet=sheet: self._look(sheet), sheet, name="point")

    @property
    def recordings(self) -> Recordings:
        """The chosen population."""
        return self.populations[self.population.value]

    @property
    def setting(self) -> Setting:
        """What the controls say."""
        return Setting(self.units.value, self.trials.value, self.noise.value, self.chance.value)

    @property
    def names(self) -> dict[str, str]:
        """What both sides are called: a simulated population always says that it is one."""
        name, said = self.population.value, self.recordings.title
        return {
            "population": name if said.split()[0] in name else f"{said}: {name}",
            "layer": f"{self.called} {self.layer.value}, {self.setting.noise:g} x the noise",
        }

    def refresh(self) -> None:
        if self._known is not self.model:
            layers = layers_with_codes(self.model, self.side)[1:]
            offer_layers(self.layer, layers, asked=self._first, otherwise=last_but_one(layers))
            self._first = None
            self._known = self.model
        self._another()

    def code(self) -> str:
        s, name = self.setting, self.population.value
        simulated = self.recordings.simulated
        first = (
            "recordings = simulated_populations()"
            if simulated
            else "recordings = {...}  # codes.read_recordings"
        )
        return "\n".join(
            [
                "import cnnlab",
                "from cnnlab import codes",
                "from cnnlab.explorers.populations import Setting, compared, simulated_populations",
                "",
                load_line(self.network_name),
                f'{first}\nrecordings = recordings["{name}"]',
                f'vectors = codes.features(model, recordings.images / 255, "{self.layer.value}", "mean")',
                f"found = compared(recordings, vectors, Setting({s.units}, {s.trials}, {s.noise:g}, {s.seed}))",
                "print(found.agreement, found.accuracy)",
            ]
        )

    def describe(self) -> str:
        s = self.setting
        trials = f"{s.trials} {'trial' if s.trials == 1 else 'trials'}"
        return (
            f"Brain explorer. {self.names['population']} beside {self.names['layer']}: {s.units} units, {trials}."
            " Two tables of dissimilarity, and decoding accuracy against units."
            " Run the cell to choose layers, units and noise."
        )

    def still(self) -> bytes:
        figure = Figure(figsize=(9.6, 3.6), dpi=90, layout="constrained", facecolor="white")
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
        for axis, key in ((left, "population"), (middle, "layer")):
            axis.set_title(self.names[key], fontsize=9)
            axis.set(xticks=[], yticks=[])
            if self.found is not None:
                axis.imshow(self._sorted(key).numpy(), cmap="viridis", interpolation="nearest")
        accuracy = {} if self.found is None else self.found.accuracy
        for (key, values), (colour, dashes, mark) in zip(accuracy.items(), LINES, strict=False):
            look = {"color": colour, "linestyle": dashes, "marker": mark, "label": self.names[key]}
            right.plot(self.found.numbers, values.mean(1), **look)
        right.set(ylim=(0, 1.02), xlabel="units", ylabel="right")
        if accuracy:
            right.legend(fontsize=8, frameon=False, loc="lower right")
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.population = widgets.Dropdown(options=list(self.populations), description="Neurons")
        self.layer = SearchSelect(description="Layer")
        self.units = widgets.IntSlider(40, min=4, max=80, description="Units", continuous_update=False)
        self.trials = widgets.IntSlider(1, min=1, max=6, description="Trials", continuous_update=False)
        self.noise = widgets.FloatSlider(
            1.0, min=0, max=4, step=0.25, description="Noise", continuous_update=False
        )
        self.chance = widgets.BoundedIntText(0, min=0, max=99, description="Seed")
        self.table, self.layer_table = (Sheet(columns=1, largest=230, pick="pixel") for _ in range(2))
        self.pair = Sheet(columns=2, largest=110, label="The two pictures of a pair")
        self.curve = Chart()

    def _lay_out(self) -> None:
        # What stands below both is the same, so their pictures stand on one line, however long their names are.
        beside = widgets.Layout(grid_gap="14px", align_items="flex-end")
        tables = widgets.HBox([self.table, self.layer_table], layout=beside)
        self.arrange(
            {
                "Picture": [],
                "Compared": [self.population, self.layer],
                "On equal terms": [self.units, self.trials, self.noise, self.chance],
            },
            stage=[
                heading("Which pictures are unlike: all pairs, sorted by class"),
                tables,
                heading("Reading the class off few units"),
                self.curve,
                heading("Click into a table: the pair"),
                self.pair,
            ],
            result=[],
            names=[
                *names_for(self.population, "population", "Population of neurons"),
                *names_for(self.layer, "layer", "Layer that is compared"),
                *names_for(self.units, "units", "Units of each"),
                *names_for(self.trials, "trials", "Trials that are averaged"),
                *names_for(self.noise, "noise", "Noise of the layer, as a multiple of the recorded noise"),
                *names_for(self.chance, "chance", "Seed of what is drawn by chance"),
            ],
        )
        self.widget.add_class("cnnlab-wide")

    # What happens when a control changes.

    def _another(self) -> None:
        recordings = self.recordings
        with self.quiet():
            self.units.max = recordings.responses.shape[1]
            self.trials.max = recordings.responses.shape[2]
        self._compare()

    @property
    def _key(self) -> tuple:
        return self.model, self.layer.value, self.population.value

    def _collect(self, key: tuple) -> Iterator[None]:
        """What the layer answers to the pictures of the recordings, a few of them in each step."""
        model, layer, population = key
        images, side = self.populations[population].images, self.side
        step, parts = pictures_in_a_step(side), []
        for start in range(0, len(images), step):
            some = images[start : start + step].float() / 255
            if some.shape[-1] != side:
                some = torch.nn.functional.interpolate(
                    some, size=(side, side), mode="bilinear", antialias=True
                )
            parts.append(features(model, some.clamp(0, 1), layer, "mean"))
            if start + step >= len(images):
                self._codes[key] = torch.cat(parts)
            yield None

    def _compare(self) -> None:
        """Compare at once what a small network, or one that was asked before, says; a large one is asked beside the controls."""
        key = self._key
        self._growth.stop()
        if key not in self._codes:
            steps = self._collect(key)
            if self.is_large:
                self._show_population()
                count = -(-len(self.recordings.images) // pictures_in_a_step(self.side))
                steps = told(steps, count, self._say_waiting)
                self._growth.start(steps, lambda _step: None, self.after(lambda: self.attempt(self._show)))
                return
            for _ in steps:
                pass
        self._show()

    def _show_population(self) -> None:
        """Until the layer has been asked: the table of the population alone."""
        averaged = self.recordings.mean(self.setting.trials)
        table = unlike(averaged)[self._order][:, self._order]
        with self.table.hold_sync():
            self.table.tiles = map_tiles(table[None])
            self.table.label = self.names["population"]
        self._say_waiting()

    def _say_waiting(self, share: str = "") -> None:
        self.say(
            f"{self.called}, {self.layer.value}: looking at {len(self.recordings.images)} pictures ... {share}"
        )

    def _show(self) -> None:
        self.found = compared(self.recordings, self._codes[self._key], self.setting)
        names, classes = self.names, self.recordings.class_names
        for sheet, key in ((self.table, "population"), (self.layer_table, "layer")):
            table = self._sorted(key)
            apart = table[~torch.eye(len(table), dtype=torch.bool)]
            with sheet.hold_sync():
                sheet.tiles = map_tiles(
                    table[None], low=float(apart.quantile(0.01)), high=float(apart.quantile(0.99))
                )
                sheet.label = names[key]
        figure = decoding_figure(self.found, names, 1 / len(classes))
        self.curve.show(figure.png(), figure.words)
        self._show_pair(0, len(self._order) - 1)
        self.say(
            f"{names['population']} and {names['layer']}: their tables agree by {self.found.agreement:.2f} (two halves of the"
            f" trials by {self.found.ceiling:.2f})."
        )

    @property
    def _order(self) -> Tensor:
        return self.recordings.labels.argsort(stable=True)

    def _sorted(self, key: str) -> Tensor:
        return self.found.tables[key][self._order][:, self._order]

    def _look(self, sheet: Sheet) -> None:
        tile, row, column = sheet.point
        if tile >= 0 and self.found is not None:
            self._show_pair(row, column)

    def _show_pair(self, row: int, column: int) -> None:
        pair = [int(self._order[place]) for place in (row, column)]
        labels, classes = self.recordings.labels, self.recordings.class_names
        with self.pair.hold_sync():
            self.pair.tiles = picture_tiles(self.recordings.images[pair].float() / 255)
            self.pair.captions = [classes[int(labels[index])] for index in pair]
        words = [
            f"{key} {float(self.found.tables[key][pair[0], pair[1]]):.2f}" for key in ("population", "layer")
        ]
        self.table.answer = self.layer_table.answer = (
            f"{' and '.join(self.pair.captions)}: {', '.join(words)}"
        )
