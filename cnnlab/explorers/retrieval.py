"""Retrieval explorer: instance retrieval with the features of any layer, in any number of dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from torch import nn

from cnnlab.explorers.activation_store import ImageSet, first_images
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import Chart
from cnnlab.explorers.choices import CLASSIFIERS, first_layers, offer_layers
from cnnlab.explorers.controls import checkbox, heading, search, slider
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.image_grid import ImageGrid, correctness_frame, frames_legend, image_tiles
from cnnlab.explorers.layer_features import steps_of
from cnnlab.explorers.picture_sets import MOST_PHOTOGRAPHS, as_dataset, installed_crops, of_photographs
from cnnlab.explorers.render.retrieval import (
    SearchFeatures,
    collect_search_features,
    fitting,
    layers_to_search,
    rank_by_distance,
)
from cnnlab.explorers.snippet import snippet
from cnnlab.explorers.static_preview import canvas, draw_row
from cnnlab.features import mean_average_precision
from cnnlab.figures.retrieval import dimensions_figure
from cnnlab.world import instances

N_SHOWN = 15
MOST = 10_000
"""Largest number of pictures of a data set that are searched; fewer for photographs."""


class RetrievalExplorer(Explorer):
    """Retrieval explorer: a layer's ranking for a query, and mean average precision by dimensions.

    A click on a picture of the ranking makes it the query.

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

    Example
    -------
    >>> explorer = RetrievalExplorer("mini_alexnet", layer="relu5")
    >>> explorer.dimensions.value = 4
    """

    name = "Retrieval explorer"
    title = "Retrieval"
    question = "Does the network find the same thing again?"
    invitation = "search with other codes"
    pickers = ("network",)
    kinds = (*CLASSIFIERS, "random labels")

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        pictures: Any = None,
        training_set: Any = None,
        networks: Mapping[str, nn.Module] | None = None,
        layer: str | None = None,
    ):
        super().__init__(model, networks=networks)
        callbacks = self._new_pictures, self.fail, self.say
        self.sets = DatasetPicker(pictures, (), *callbacks, MOST, rendered_things)
        self._others = as_dataset(training_set, MOST_PHOTOGRAPHS)[0]
        self._take_pictures()
        self.layer_features: dict[nn.Module, dict[str, SearchFeatures]] = {}
        self.curves: dict[tuple, dict[int, float]] = {}
        self.query_grid = ImageGrid(columns=1, max_tile_size=150, label="Query")
        self.result_grid = ImageGrid(columns=5, max_tile_size=120, min_tile_size=90, label="Nearest")
        self.chart = Chart()
        last = len(self.database) - 1
        self.layout(
            {
                "Collection": self.sets.controls,
                "Query": {"query": slider("Query", 0, 0, last, name="Picture of the collection that asks")},
                "Code": {
                    "layer": search("Layer", asked=layer, name="Layer whose codes are compared"),
                    "compress": checkbox("compress by PCA", True, name="Keep only some axes"),
                    "dimensions": slider("Dim.", 16, 2, 16, name="How many dimensions are kept"),
                    "whiten": checkbox("whiten", True, name="Let all axes count alike"),
                },
            },
            centre=[
                *(self.query_grid, self.result_grid),
                *(heading("Mean average precision by dimensions"), self.chart),
            ],
        )
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
        if self.is_new_network():
            layers, last = layers_to_search(self.model, self.side)
            offer_layers(self.layer, layers, otherwise=last)
            self._take_pictures()
            self.query.max = len(self.database) - 1
        self.background.stop()
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
        self.database, self.training_set = (
            fitting(each, self.model, self.side) for each in (searched, others)
        )

    def _new_pictures(self) -> None:
        self.layer_features, self.curves = {}, {}
        with self.hold_callbacks():
            self.query.value = 0
        self._take_pictures()
        self.query.max = len(self.database) - 1
        self.run_safely(self.refresh_quietly)

    def _collect(self) -> None:
        """Compute the missing features of the layers that the menu shows first, and of the chosen layer."""
        images = self.database.images, self.training_set.images
        kept = self.layer_features.setdefault(self.model, {})
        wanted = dict.fromkeys([*first_layers(self.layer.options), self.layer.value])
        steps = collect_search_features(self.model, *images, [layer for layer in wanted if layer not in kept])
        total = sum(map(steps_of, images))
        self.in_background(steps, kept.update, self._show, total=total, at_once=self.at_once)

    def waiting_for(self) -> str:
        return f"{self._label} looks at {len(self.database)} pictures, and at as many of other things"

    def looks_at(self) -> tuple[int, int]:
        return len(self.database), len(self.sets.collection)

    def code(self) -> str:
        layer, d = self.layer.value, self.n_dimensions
        collection, others = (self._set_code(split) for split in ("test", "train"))
        lines = [
            self.load_line,
            f"collection = {collection}",
            f'vectors = features.extract_features(model, collection, "{layer}", "sum")',
        ]
        if d:
            method = "whiten" if self.whiten.value else "project"
            lines += [
                f'axes = features.pca(features.extract_features(model, {others}, "{layer}", "sum"))',
                f"vectors = axes.{method}(vectors, {d})",
            ]
        return snippet(
            *lines,
            "print(features.mean_average_precision(features.l2(vectors), collection.labels).mean)",
            f"print(features.neighbours(features.l2(vectors), {self.query.value}, k={N_SHOWN}).index)",
        )

    def _set_code(self, split: str) -> str:
        """The code for the searched set ("test") or the set of other objects ("train")."""
        if of_photographs(self.database):
            expression = self.database.expression if split == "test" else installed_crops(1)[1]
            return expression.removesuffix(".images")
        n_objects = len(self.database.class_names)
        return f'world.instances("{split}", {n_objects}, {len(self.database) // n_objects})'

    def summary(self) -> str:
        what = f"{self.n_dimensions} dimensions" if self.n_dimensions else "all numbers"
        return (
            f"Pictures nearest to a query ({self._object_name(self.query.value)}) among {len(self.database)},"
            f" by {self._label}, layer {self.layer.value}, {what}."
        )

    def preview_title(self) -> str:
        return f"{self.title}: {self._label}, {self.layer.value}"

    def preview(self) -> Figure:
        figure = canvas(9.6, 5.2)
        indices = [self.query.value, *(self.order[:7].tolist() if self.features is not None else [])]
        labels, pictures = self.database.labels[indices], self.database.images[indices].float() / 255
        captions = ["query", *(self._object_name(index) for index in indices[1:])]
        correct = [None, *(labels[1:] == labels[0]).tolist()]
        axes = figure.subplots(2, 4).ravel()
        draw_row(axes[: len(indices)], pictures, captions, correct)
        for axis in axes[len(indices) :]:  # while the features are collected
            axis.set_axis_off()
        return figure

    # Callbacks of the controls.

    @property
    def _label(self) -> str:
        return self.network.label or self.display_name

    def _object_name(self, index: int) -> str:
        return self.database.class_names[int(self.database.labels[index])]

    def _new_layer(self) -> None:
        if self.features is None and not self.background.running:
            self._collect()
        self._show()

    def _show_query(self) -> None:
        query = self.query.value
        self.query_grid.tiles = image_tiles(self.database.images[query : query + 1].float() / 255)
        self.query_grid.label = f"query: {self._object_name(query)}"

    def _show(self) -> None:
        self._show_query()
        if self.features is None:
            return
        with self.hold_callbacks():
            self.dimensions.max = self.features.max_dimensions
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
            self.result_grid.labels = [self._object_name(i) for i in best.tolist()]
            self.result_grid.captions = [
                f"{rank + 1}. {self._object_name(i)}, distance {far:.2f}"
                for rank, (i, far) in enumerate(zip(best.tolist(), self.distance.tolist(), strict=False))
            ]
            what = "photograph" if of_photographs(self.database) else "object"
            self.result_grid.label = (
                f"nearest in {self.layer.value} ({frames_legend(what)}); click to ask with one"
            )

    def _draw_curve(self, chance: float) -> None:
        layer, labels = self.layer.value, self.database.labels
        key = (self.model, layer, self.whiten.value)
        if key not in self.curves:
            self.curves[key] = self.features.map_by_dimensions(labels, self.whiten.value)
        levels = {layer: mean_average_precision(self.features.compressed(0), labels).mean}
        mark = self.n_dimensions or None
        figure = dimensions_figure({layer: self.curves[key]}, levels, chance, mark, width=5.2)
        self.chart.show_figure(figure)

    def _follow(self) -> None:
        """Make the chosen picture the query."""
        if self.result_grid.selected >= 0 and self.features is not None:
            self.query.value = int(self.order[self.result_grid.selected])


def rendered_things() -> ImageSet:
    """Rendered pictures of forty objects in five views each."""
    return first_images(instances("test", 40, 5, progress=False))
