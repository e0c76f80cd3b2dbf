"""Retrieval explorer: instance retrieval with the features of any layer, in any number of dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import nn

from cnnlab.explorers.activation_store import ImageSet, first_images
from cnnlab.explorers.background import BackgroundSteps, told
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, first_layers, offer_layers
from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.image_grid import Chart, ImageGrid, correctness_frame, image_tiles
from cnnlab.explorers.picture_sets import installed_crops, of_photographs
from cnnlab.explorers.render.retrieval import (
    SearchFeatures,
    collect_features,
    fitting,
    layers_to_search,
    rank_by_distance,
    steps_of,
)
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import draw_row, figure_png
from cnnlab.features import mean_average_precision
from cnnlab.figures.retrieval import dimensions_figure
from cnnlab.world import instances

N_SHOWN = 15
MOST = 10_000
"""Largest number of pictures of a data set that are searched; fewer for photographs."""


class RetrievalExplorer(Explorer):
    """Retrieval explorer: a layer's ranking for a query, and mean average precision by dimensions.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures, training_set
        The set to search (`cnnlab.world.instances`, a data set, `cnnlab.photographs` or the path of a folder of them), and
        a set of other objects, which gives the principal axes; None takes small ones.
    networks
        Networks to choose from, by the names that are shown, such as before and after fine-tuning.
    layer
        The first layer to show; None takes the last ReLU or block.

    Controls
    --------
    layer, query
        The layer whose features are compared, and the query; a click on a picture of the ranking makes it the query.
    dimensions, compress, whiten
        Number of principal axes, whether the features are projected on them at all, and whether the axes are whitened.

    Example
    -------
    >>> explorer = RetrievalExplorer("mini_alexnet", layer="relu5")
    >>> explorer.dimensions.value = 4
    """

    kinds = (*CLASSIFIERS, "random labels")
    title = "Retrieval"
    question = "Does the network find the same thing again?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        pictures: Any = None,
        training_set: Any = None,
        networks: Mapping[str, nn.Module] | None = None,
        layer: str | None = None,
    ):
        super().__init__(model, networks=networks)
        self.sets = DatasetPicker(
            pictures, (), self._new_pictures, self.fail, self.set_status, MOST, rendered_things
        )
        self.data, self.folder = self.sets.data, self.sets.folder
        self._others = training_set
        self._take_pictures()
        self.layer_features: dict[nn.Module, dict[str, SearchFeatures]] = {}
        self.curves: dict[tuple, dict[int, float]] = {}
        self._background: BackgroundSteps[dict[str, SearchFeatures]] = BackgroundSteps()
        self._model_shown: nn.Module | None = None
        self._initial_layer = layer
        self._make_controls()
        self._lay_out()
        self.show()
        self.on_change(self._new_layer, self.layer)
        self.on_change(self._show, self.query, self.dimensions, self.compress, self.whiten)
        self.on_change(self._follow, self.result_grid, name="selected")

    @property
    def features(self) -> SearchFeatures | None:
        """The features of the chosen layer; None until they are collected."""
        return self.layer_features.get(self.model, {}).get(self.layer.value)

    @property
    def n_dimensions(self) -> int:
        """The number of dimensions, 0 for the features without projection."""
        return self.dimensions.value if self.compress.value else 0

    def refresh(self) -> None:
        if self._model_shown is not self.model:
            layers, last = layers_to_search(self.model, self.side)
            offer_layers(self.layer, layers, asked=self._initial_layer, otherwise=last)
            self._initial_layer = None
            self._take_pictures()
            self.query.max = len(self.database) - 1
        first, self._model_shown = self._model_shown is None, self.model
        self._background.stop()
        if self.features is None and first and not self.is_large:
            for codes in self._steps():
                self._features_ready(codes)
        self._new_layer()

    def _take_pictures(self) -> None:
        """Set the pictures to search, and those of other objects: rendered ones, or patches of photographs at other positions."""
        searched = self.sets.collection
        others = self._others
        if others is None:
            others = (
                installed_crops(1)[0]
                if of_photographs(searched)
                else instances("train", 40, 5, progress=False)
            )
        self.database, self.training_set = fitting(searched, self.side), fitting(others, self.side)

    def _new_pictures(self) -> None:
        self.layer_features, self.curves, self._model_shown = {}, {}, None
        with self.hold_callbacks():
            self.query.value = 0
        self.run_safely(self._refresh_quietly)

    def _steps(self) -> Iterator[dict[str, SearchFeatures]]:
        """The missing features of the layers that the menu shows first, and of the chosen layer."""
        images, kept = (
            (self.database.images, self.training_set.images),
            self.layer_features.get(self.model, {}),
        )
        wanted = dict.fromkeys([*first_layers(self.layer.options), self.layer.value])
        steps = collect_features(self.model, *images, [layer for layer in wanted if layer not in kept])
        return told(steps, steps_of(*images), self._say_waiting)

    def _say_waiting(self, share: str = "") -> None:
        self.set_status(
            f"{self._label} looks at {len(self.database)} pictures, and at as many of other things ... {share}"
        )

    def code(self) -> str:
        layer, d = self.layer.value, self.n_dimensions
        lines = ["import cnnlab", "from cnnlab import features, world", "", self.load_line]
        n_objects, views = (
            len(self.database.class_names),
            len(self.database) // len(self.database.class_names),
        )
        collection, others = (
            f'world.instances("{split}", {n_objects}, {views})' for split in ("test", "train")
        )
        if of_photographs(self.database):
            collection, others = (
                one.removesuffix(".images") for one in (self.database.expression, installed_crops(1)[1])
            )
        lines += [
            f"collection = {collection}",
            f'vectors = features.extract_features(model, collection, "{layer}", "sum")',
        ]
        if d:
            method = "whiten" if self.whiten.value else "project"
            lines += [
                f'axes = features.pca(features.extract_features(model, {others}, "{layer}", "sum"))',
                f"vectors = axes.{method}(vectors, {d})",
            ]
        lines += [
            "print(features.mean_average_precision(features.l2(vectors), collection.labels).mean)",
            f"print(features.neighbours(features.l2(vectors), {self.query.value}, k={N_SHOWN}).index)",
        ]
        return "\n".join(lines)

    def describe(self) -> str:
        what = f"{self.n_dimensions} dimensions" if self.n_dimensions else "all numbers"
        return (
            f"Retrieval explorer. Pictures nearest to a query ({self._object_name(self.query.value)}) among {len(self.database)},"
            f" by {self._label}, layer {self.layer.value}, {what}. Run the cell to search with other codes."
        )

    def static_preview(self) -> bytes:
        figure = Figure(figsize=(9.6, 1.7), dpi=90, layout="constrained", facecolor="white")
        indices = [self.query.value, *(self.order[:7].tolist() if self.features is not None else [])]
        labels = self.database.labels[indices]
        captions = ["query", *(self._object_name(index) for index in indices[1:])]
        correct = [None, *(labels[1:] == labels[0]).tolist()]
        draw_row(
            figure.subplots(1, 8)[: len(indices)],
            self.database.images[indices].float() / 255,
            captions,
            correct,
        )
        figure.suptitle(f"{self.title}: {self._label}, {self.layer.value}", fontsize=10, x=0.01, ha="left")
        return figure_png(figure)

    # Building the widget.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.query = widgets.IntSlider(0, min=0, max=len(self.database) - 1, description="Query")
        self.compress = widgets.Checkbox(True, description="compress by PCA", indent=False)
        self.dimensions = widgets.IntSlider(16, min=2, max=16, description="Dim.")
        self.whiten = widgets.Checkbox(True, description="whiten", indent=False)
        self.query_grid = ImageGrid(columns=1, max_tile_size=150, label="Query")
        self.result_grid = ImageGrid(columns=5, max_tile_size=120, label="Nearest")
        self.chart = Chart()

    def _lay_out(self) -> None:
        self.layout(
            {
                "Picture": [],
                "Collection": self.sets.rows,
                "Query": [self.query],
                "Code": [self.layer, self.compress, self.dimensions, self.whiten],
            },
            centre=[
                self.query_grid,
                self.result_grid,
                heading("Mean average precision by dimensions"),
                self.chart,
            ],
            result=[],
            accessible_names=[
                *names_for(self.layer, "layer", "Layer whose codes are compared"),
                *self.sets.names,
                *names_for(self.query, "query", "Picture of the collection that asks"),
                *names_for(self.compress, "compressed", "Keep only some axes"),
                *names_for(self.dimensions, "dimensions", "How many dimensions are kept"),
                *names_for(self.whiten, "whiten", "Let all axes count alike"),
            ],
        )

    # Callbacks of the controls.

    @property
    def _label(self) -> str:
        return self.network.label or self.display_name

    def _object_name(self, index: int) -> str:
        return self.database.class_names[int(self.database.labels[index])]

    def _features_ready(self, codes: dict[str, SearchFeatures]) -> None:
        if codes:
            self.layer_features[self.model] = self.layer_features.get(self.model, {}) | codes

    def _new_layer(self) -> None:
        if self.features is None and not self._background.running:
            self._say_waiting()
            self._background.start(
                self._steps(), self._features_ready, self.on_done(lambda: self.run_safely(self._new_layer))
            )
        self._show_query()
        if self.features is None:
            return
        with self.hold_callbacks():
            self.dimensions.max = self.features.max_dimensions
        self._show()

    def _show_query(self) -> None:
        query = self.query.value
        self.query_grid.tiles = image_tiles(self.database.images[query : query + 1].float() / 255)
        self.query_grid.label = f"query: {self._object_name(query)}"

    def _show(self) -> None:
        self._show_query()
        if self.features is None:
            return
        self.dimensions.disabled = self.whiten.disabled = not self.compress.value
        prepared = self.features.compressed(self.n_dimensions, self.whiten.value)
        labels, query = self.database.labels, self.query.value
        self.order, self.distance = rank_by_distance(prepared, query)
        score = mean_average_precision(prepared, labels)
        self._draw_ranking(labels[self.order[:N_SHOWN]] == labels[query])
        self._draw_curve(score.chance)
        self.set_status(
            f"{self._label}, {self.layer.value}: average precision of this query {float(score.per_query[query]):.2f},"
            f" mean over all {score.mean:.2f} (chance {score.chance:.2f})."
        )

    def _draw_ranking(self, correct) -> None:
        best = self.order[:N_SHOWN]
        size = self.database.images.shape[2:]
        with self.hold_callbacks(), self.result_grid.hold_sync():
            self.result_grid.selected = -1
            self.result_grid.tiles = image_tiles(self.database.images[best].float() / 255)
            self.result_grid.boxes = [
                correctness_frame(tile, *size, same) for tile, same in enumerate(correct.tolist())
            ]
            self.result_grid.captions = [
                f"{rank + 1}. {self._object_name(i)}, distance {far:.2f}"
                for rank, (i, far) in enumerate(zip(best.tolist(), self.distance.tolist(), strict=False))
            ]
            self.result_grid.label = f"nearest in {self.layer.value} (click to ask with one)"

    def _draw_curve(self, chance: float) -> None:
        layer, labels = self.layer.value, self.database.labels
        key = (self.model, layer, self.whiten.value)
        if key not in self.curves:
            self.curves[key] = self.features.map_by_dimensions(labels, self.whiten.value)
        levels = {layer: mean_average_precision(self.features.compressed(0), labels).mean}
        mark = self.n_dimensions or None
        figure = dimensions_figure({layer: self.curves[key]}, levels, chance, mark, width=5.2)
        self.chart.show(figure.png(), figure.alt_text)

    def _follow(self) -> None:
        """Make the chosen picture the query."""
        if self.result_grid.selected >= 0 and self.features is not None:
            self.query.value = int(self.order[self.result_grid.selected])


def rendered_things() -> ImageSet:
    """Rendered pictures of forty objects in five views each."""
    return first_images(instances("test", 40, 5, progress=False))
