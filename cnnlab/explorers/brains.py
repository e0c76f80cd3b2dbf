"""Brain explorer: a layer compared with a population of neurons, at equal numbers of units and equal noise."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.activation_store import Floats, ImageSet
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import Chart
from cnnlab.explorers.choices import CLASSIFIERS, last_but_one, offer_layers
from cnnlab.explorers.controls import choice, heading, number, search, slow_slider
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, map_tiles
from cnnlab.explorers.layer_features import collect_features, layers_with_features, steps_of
from cnnlab.explorers.render.brain import code, decoding_figure, simulated_populations
from cnnlab.explorers.static_preview import canvas
from cnnlab.features import BrainComparison, Recordings, compare_with_recordings, standardised_rdm
from cnnlab.figures.axes import bare, draw_lines, show_map


class BrainExplorer(Explorer):
    """Brain explorer: decoding and representational similarity of a layer and of recorded neurons, at equal units and noise.

    `noise` is added to the layer as a share of the recorded noise. A click on a matrix shows the two pictures compared at that entry.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    recordings
        Populations by name, such as {"IT": cnnlab.features.read_recordings("it.npz")}; None takes two simulated ones, labelled as such.
    layer
        The first layer to compare; None takes the last but one.

    Example
    -------
    >>> explorer = BrainExplorer("mini_alexnet", layer="relu5")
    >>> explorer.units.value, explorer.noise.value = 40, 0.0
    """

    name = "Brain explorer"
    title = "Networks and brains"
    question = "Does a layer see as neurons do?"
    invitation = "choose layers, units and noise"
    pickers = ("network",)
    kinds = (*CLASSIFIERS, "random labels")
    wide = True

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        recordings: Mapping[str, Recordings] | None = None,
        layer: str | None = None,
    ):
        super().__init__(model)
        self.populations = dict(recordings) if recordings else simulated_populations()
        self.result: BrainComparison | None = None
        self._features: dict[tuple, Tensor] = {}
        views = {"columns": 1, "max_tile_size": 230, "pick": "pixel"}
        self.table, self.layer_table = ImageGrid(**views), ImageGrid(**views)
        self.pair = ImageGrid(columns=2, max_tile_size=110, label="The two pictures of a pair")
        self.curve = Chart()
        # Both sides have the same rows below, so their pictures are aligned whatever the length of their names.
        side_by_side = widgets.Layout(grid_gap="14px", align_items="flex-end")
        self.layout(
            {
                "Compared": {
                    "population": choice("Neurons", list(self.populations), name="Population of neurons"),
                    "layer": search("Layer", asked=layer, name="Layer that is compared"),
                },
                "On equal terms": {
                    "units": slow_slider("Units", 40, 4, 80, name="Units of each"),
                    "trials": slow_slider("Trials", 1, 1, 6, name="Trials that are averaged"),
                    "noise": slow_slider(
                        *("Noise", 1.0, 0, 4, 0.25),
                        name="Noise of the layer, as a multiple of the recorded noise",
                    ),
                    "random_seed": number("Seed", 0, 0, 99, name="Random seed"),
                },
            },
            centre=[
                heading("Which pictures are unlike: all pairs, sorted by class"),
                widgets.HBox([self.table, self.layer_table], layout=side_by_side),
                *(heading("Reading the class off few units"), self.curve),
                *(heading("Click into a table: the pair"), self.pair),
            ],
        )
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
    def options(self) -> dict[str, float]:
        """The settings of the controls, as arguments of `cnnlab.features.compare_with_recordings`."""
        controls = {"units": self.units, "trials": self.trials, "noise": self.noise, "seed": self.random_seed}
        return {name: control.value for name, control in controls.items()}

    @property
    def side_names(self) -> dict[str, str]:
        """Display names of both sides; a simulated population is always called simulated."""
        name, title = self.population.value, self.recordings.title
        return {
            "population": name if title.split()[0] in name else f"{title}: {name}",
            "layer": f"{self.display_name} {self.layer.value}, {self.noise.value:g} x the noise",
        }

    def refresh(self) -> None:
        if self.is_new_network():
            layers = layers_with_features(self.model, self.side)[1:]
            offer_layers(self.layer, layers, otherwise=last_but_one(layers))
        self._new_population()

    def code(self) -> str:
        return code(
            self.load_line, self.population.value, self.recordings, self.layer.value, self.side, self.options
        )

    def summary(self) -> str:
        names, trials = self.side_names, self.trials.value
        return (
            f"{names['population']} beside {names['layer']}: {self.units.value} units,"
            f" {trials} {'trial' if trials == 1 else 'trials'}. Two tables of dissimilarity, and decoding accuracy against units."
        )

    def preview(self) -> Figure:
        figure = canvas(9.6, 3.6)
        *axes, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
        for axis, (key, name) in zip(axes, self.side_names.items(), strict=True):
            bare(axis, name, 9)
            if self.result is not None:
                show_map(axis, self._sorted_table(key), name, 9, cmap="viridis")
        if self.result is not None:
            numbers = self.result.numbers
            accuracy = {
                self.side_names[key]: (numbers, values.mean(1))
                for key, values in self.result.accuracy.items()
            }
            draw_lines(right, accuracy)
            right.legend(fontsize=8, frameon=False, loc="lower right")
        right.set(ylim=(0, 1.02), xlabel="units", ylabel="right")
        return figure

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

    def _compare(self) -> None:
        """Compare at once for a small network or one with stored activations; for a large one collect them in the background."""
        key = self._key
        self.background.stop()
        if key in self._features:
            self._show()
            return
        if self.is_large:
            self._show_population()
        recordings = self.recordings
        pictures = ImageSet(recordings.images, recordings.labels, recordings.class_names, None)
        images = Floats(pictures, self.side)

        def keep(vectors: dict[str, Tensor]) -> None:
            if vectors:
                self._features[key] = vectors[self.layer.value]

        steps = collect_features(self.model, images, [self.layer.value], "mean")
        at_once = not self.is_large
        self.in_background(steps, keep, self._show, total=steps_of(images), at_once=at_once)

    def _show_population(self) -> None:
        """Show the population's matrix alone, until the layer's activations are there."""
        averaged = self.recordings.mean(self.trials.value)
        table = standardised_rdm(averaged)[self._order][:, self._order]
        with self.table.hold_sync():
            self.table.tiles = map_tiles(table[None])
            self.table.label = self.side_names["population"]

    def waiting_for(self) -> str:
        return f"{self.display_name}, {self.layer.value}: looking at {len(self.recordings.images)} pictures"

    def _show(self) -> None:
        self.result = compare_with_recordings(self._features[self._key], self.recordings, **self.options)
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
        self.curve.show_figure(figure)
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
