"""Brain explorer: a layer compared with a population of neurons, at equal numbers of units and equal noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.activation_store import pictures_in_a_step
from cnnlab.explorers.background import BackgroundSteps, told
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, last_but_one, offer_layers
from cnnlab.explorers.common import heading, load_line, names_for
from cnnlab.explorers.image_grid import Chart, ImageGrid, image_tiles, map_tiles
from cnnlab.explorers.layer_features import layers_with_features
from cnnlab.explorers.render.brain import (
    Result,
    State,
    decoding_figure,
    dissimilarity,
    render,
    simulated_populations,
)
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import figure_png
from cnnlab.features import Recordings, extract_features
from cnnlab.figures.colours import LINES


class BrainExplorer(Explorer):
    """Brain explorer: decoding and representational similarity of a layer and of recorded neurons, at equal units and noise.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    recordings
        Populations by name, such as {"IT": cnnlab.features.read_recordings("it.npz")}; None takes two simulated ones, labelled as such.
    layer
        The first layer to compare; None takes the last but one.

    Controls
    --------
    network, layer, population
        The layer, and the population that it is compared with.
    units, trials, noise, random_seed
        Number of units of each; number of trials averaged; noise added to the layer as a share of the recorded noise;
        the seed.
    pair
        A click on a matrix shows the two pictures compared at that entry.

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
        self.result: Result | None = None
        self._features: dict[tuple, Tensor] = {}
        self._growth: BackgroundSteps[None] = BackgroundSteps()
        self._model_shown: nn.Module | None = None
        self._initial_layer = layer
        self._make_controls()
        self._lay_out()
        self.show()
        self.on_change(self._new_population, self.population)
        self.on_change(self._compare, self.layer, self.units, self.trials, self.noise, self.random_seed)
        for grid in (self.table, self.layer_table):
            self.on_change(lambda grid=grid: self._choose_pair(grid), grid, name="point")

    @property
    def recordings(self) -> Recordings:
        """The chosen population."""
        return self.populations[self.population.value]

    @property
    def state(self) -> State:
        """The settings of the controls."""
        return State(self.units.value, self.trials.value, self.noise.value, self.random_seed.value)

    @property
    def side_names(self) -> dict[str, str]:
        """Display names of both sides; a simulated population is always called simulated."""
        name, title = self.population.value, self.recordings.title
        return {
            "population": name if title.split()[0] in name else f"{title}: {name}",
            "layer": f"{self.display_name} {self.layer.value}, {self.state.noise:g} x the noise",
        }

    def refresh(self) -> None:
        if self._model_shown is not self.model:
            layers = layers_with_features(self.model, self.side)[1:]
            offer_layers(self.layer, layers, asked=self._initial_layer, otherwise=last_but_one(layers))
            self._initial_layer = None
            self._model_shown = self.model
        self._new_population()

    def code(self) -> str:
        s, name = self.state, self.population.value
        simulated = self.recordings.simulated
        first = (
            "recordings = simulated_populations()"
            if simulated
            else "recordings = {...}  # features.read_recordings"
        )
        return "\n".join(
            [
                "import cnnlab",
                "from cnnlab import features",
                "from cnnlab.explorers.render.brain import State, render, simulated_populations",
                "",
                load_line(self.network_name),
                f'{first}\nrecordings = recordings["{name}"]',
                f'vectors = features.extract_features(model, recordings.images / 255, "{self.layer.value}", "mean")',
                f"result = render(recordings, vectors, State({s.units}, {s.trials}, {s.noise:g}, {s.seed}))",
                "print(result.agreement, result.accuracy)",
            ]
        )

    def describe(self) -> str:
        s = self.state
        trials = f"{s.trials} {'trial' if s.trials == 1 else 'trials'}"
        return (
            f"Brain explorer. {self.side_names['population']} beside {self.side_names['layer']}: {s.units} units, {trials}."
            " Two tables of dissimilarity, and decoding accuracy against units."
            " Run the cell to choose layers, units and noise."
        )

    def static_preview(self) -> bytes:
        figure = Figure(figsize=(9.6, 3.6), dpi=90, layout="constrained", facecolor="white")
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
        for axis, key in ((left, "population"), (middle, "layer")):
            axis.set_title(self.side_names[key], fontsize=9)
            axis.set(xticks=[], yticks=[])
            if self.result is not None:
                axis.imshow(self._sorted_table(key).numpy(), cmap="viridis", interpolation="nearest")
        accuracy = {} if self.result is None else self.result.accuracy
        for (key, values), (colour, dashes, mark) in zip(accuracy.items(), LINES, strict=False):
            style = {"color": colour, "linestyle": dashes, "marker": mark, "label": self.side_names[key]}
            right.plot(self.result.numbers, values.mean(1), **style)
        right.set(ylim=(0, 1.02), xlabel="units", ylabel="right")
        if accuracy:
            right.legend(fontsize=8, frameon=False, loc="lower right")
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, x=0.01, ha="left")
        return figure_png(figure)

    # Building the widget.

    def _make_controls(self) -> None:
        self.population = widgets.Dropdown(options=list(self.populations), description="Neurons")
        self.layer = SearchSelect(description="Layer")
        self.units = widgets.IntSlider(40, min=4, max=80, description="Units", continuous_update=False)
        self.trials = widgets.IntSlider(1, min=1, max=6, description="Trials", continuous_update=False)
        self.noise = widgets.FloatSlider(
            1.0, min=0, max=4, step=0.25, description="Noise", continuous_update=False
        )
        self.random_seed = widgets.BoundedIntText(0, min=0, max=99, description="Seed")
        self.table, self.layer_table = (
            ImageGrid(columns=1, max_tile_size=230, pick="pixel") for _ in range(2)
        )
        self.pair = ImageGrid(columns=2, max_tile_size=110, label="The two pictures of a pair")
        self.curve = Chart()

    def _lay_out(self) -> None:
        # Both sides have the same rows below, so their pictures are aligned whatever the length of their names.
        side_by_side = widgets.Layout(grid_gap="14px", align_items="flex-end")
        tables = widgets.HBox([self.table, self.layer_table], layout=side_by_side)
        self.layout(
            {
                "Picture": [],
                "Compared": [self.population, self.layer],
                "On equal terms": [self.units, self.trials, self.noise, self.random_seed],
            },
            centre=[
                heading("Which pictures are unlike: all pairs, sorted by class"),
                tables,
                heading("Reading the class off few units"),
                self.curve,
                heading("Click into a table: the pair"),
                self.pair,
            ],
            result=[],
            accessible_names=[
                *names_for(self.population, "population", "Population of neurons"),
                *names_for(self.layer, "layer", "Layer that is compared"),
                *names_for(self.units, "units", "Units of each"),
                *names_for(self.trials, "trials", "Trials that are averaged"),
                *names_for(self.noise, "noise", "Noise of the layer, as a multiple of the recorded noise"),
                *names_for(self.random_seed, "random-seed", "Random seed"),
            ],
        )
        self.widget.add_class("cnnlab-wide")

    # Callbacks of the controls.

    def _new_population(self) -> None:
        recordings = self.recordings
        with self.hold_callbacks():
            self.units.max = recordings.responses.shape[1]
            self.trials.max = recordings.responses.shape[2]
        self._compare()

    @property
    def _key(self) -> tuple:
        return self.model, self.layer.value, self.population.value

    def _collect(self, key: tuple) -> Iterator[None]:
        """The layer's activations for the pictures of the recordings, a few in each step."""
        model, layer, population = key
        images, side = self.populations[population].images, self.side
        step, parts = pictures_in_a_step(side), []
        for start in range(0, len(images), step):
            some = images[start : start + step].float() / 255
            if some.shape[-1] != side:
                some = torch.nn.functional.interpolate(
                    some, size=(side, side), mode="bilinear", antialias=True
                )
            parts.append(extract_features(model, some.clamp(0, 1), layer, "mean"))
            if start + step >= len(images):
                self._features[key] = torch.cat(parts)
            yield None

    def _compare(self) -> None:
        """Compare at once for a small network or one with stored activations; for a large one collect them in the background."""
        key = self._key
        self._growth.stop()
        if key not in self._features:
            steps = self._collect(key)
            if self.is_large:
                self._show_population()
                count = -(-len(self.recordings.images) // pictures_in_a_step(self.side))
                steps = told(steps, count, self._say_waiting)
                self._growth.start(
                    steps, lambda _step: None, self.on_done(lambda: self.run_safely(self._show))
                )
                return
            for _ in steps:
                pass
        self._show()

    def _show_population(self) -> None:
        """Show the population's matrix alone, until the layer's activations are there."""
        averaged = self.recordings.mean(self.state.trials)
        table = dissimilarity(averaged)[self._order][:, self._order]
        with self.table.hold_sync():
            self.table.tiles = map_tiles(table[None])
            self.table.label = self.side_names["population"]
        self._say_waiting()

    def _say_waiting(self, share: str = "") -> None:
        self.set_status(
            f"{self.display_name}, {self.layer.value}: looking at {len(self.recordings.images)} pictures ... {share}"
        )

    def _show(self) -> None:
        self.result = render(self.recordings, self._features[self._key], self.state)
        names, classes = self.side_names, self.recordings.class_names
        for sheet, key in ((self.table, "population"), (self.layer_table, "layer")):
            table = self._sorted_table(key)
            apart = table[~torch.eye(len(table), dtype=torch.bool)]
            with sheet.hold_sync():
                sheet.tiles = map_tiles(
                    table[None], low=float(apart.quantile(0.01)), high=float(apart.quantile(0.99))
                )
                sheet.label = names[key]
        figure = decoding_figure(self.result, names, 1 / len(classes))
        self.curve.show(figure.png(), figure.alt_text)
        self._show_pair(0, len(self._order) - 1)
        self.set_status(
            f"{names['population']} and {names['layer']}: their tables agree by {self.result.agreement:.2f} (two halves of the"
            f" trials by {self.result.ceiling:.2f})."
        )

    @property
    def _order(self) -> Tensor:
        return self.recordings.labels.argsort(stable=True)

    def _sorted_table(self, key: str) -> Tensor:
        return self.result.tables[key][self._order][:, self._order]

    def _choose_pair(self, grid: ImageGrid) -> None:
        tile, row, column = grid.point
        if tile >= 0 and self.result is not None:
            self._show_pair(row, column)

    def _show_pair(self, row: int, column: int) -> None:
        pair = [int(self._order[index]) for index in (row, column)]
        labels, classes = self.recordings.labels, self.recordings.class_names
        with self.pair.hold_sync():
            self.pair.tiles = image_tiles(self.recordings.images[pair].float() / 255)
            self.pair.captions = [classes[int(labels[number])] for number in pair]
        captions = [
            f"{key} {float(self.result.tables[key][pair[0], pair[1]]):.2f}" for key in ("population", "layer")
        ]
        self.table.readout = self.layer_table.readout = (
            f"{' and '.join(self.pair.captions)}: {', '.join(captions)}"
        )
