"""Nearest neighbours explorer: the pictures nearest to a query in the features of a layer, beside those nearest in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.activation_store import Floats, ImageSet
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import Chart
from cnnlab.explorers.choices import CLASSIFIERS, first_layers, last_but_one, offer_layers
from cnnlab.explorers.controls import heading, number, search, slider
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.image_grid import ImageGrid, correctness_frame, frames_legend, image_tiles
from cnnlab.explorers.image_sources import RenderedSource
from cnnlab.explorers.layer_features import (
    collect_features,
    layer_features,
    layers_with_features,
    nearest_neighbours_code,
    steps_of,
)
from cnnlab.explorers.static_preview import canvas, draw_row
from cnnlab.features import PIXELS, Neighbours, neighbours, precision_curve
from cnnlab.figures.nearest_neighbours import precision_figure

MAX_K = 20
SMALL_SET = 100
"""Of so many pictures, even a large network computes the first layer at once, so that there is something to see."""


class NearestNeighboursExplorer(Explorer):
    """Nearest neighbours explorer: a query's neighbours by a layer's features and by pixels, and precision@k of every layer.

    `query_index` is -1 for the picture chosen above, else the index of a picture of the set. A click on a neighbour makes it the query.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        The query: the name of a photograph, a seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    pictures
        The set to search: a data set, `cnnlab.photographs`, or the path of a folder of photographs. None takes crops of
        photographs for an ImageNet network, else the validation split.
    layer
        The first layer to show; None takes the last but one.

    Example
    -------
    >>> explorer = NearestNeighboursExplorer("mini_alexnet", picture=7, layer="fc7")
    >>> explorer.layer.value = "pixels"
    """

    name = "Neighbour explorer"
    title = "Neighbours"
    question = "Which pictures are alike for the network?"
    invitation = "choose other queries and layers"
    kinds = (*CLASSIFIERS, "random labels")

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        pictures: Any = None,
        layer: str | None = None,
    ):
        super().__init__(model, picture)
        class_names = getattr(self.model, "class_names", ())
        self.sets = DatasetPicker(pictures, class_names, self._new_pictures, self.fail, self.say, 300)
        self.image_set: ImageSet = self.sets.fitting(self.model, self.side)
        self.features: dict[str, Tensor] = {}
        self.query_features: dict[str, Tensor] = {}
        self.neighbours: dict[str, Neighbours] = {}
        self.curves: dict[str, Tensor] = {}
        self.query_grid = ImageGrid(columns=1, max_tile_size=150, label="Query")
        self.neighbour_grid = ImageGrid(columns=6, max_tile_size=110, label="Nearest")
        self.pixel_neighbour_grid = ImageGrid(columns=6, max_tile_size=110, label="Nearest by pixels")
        self.chart = Chart()
        member = "Picture of the collection that asks; -1 for the picture above"
        self.layout(
            {
                "Neighbours": {
                    "layer": search("Layer", asked=layer, name="Layer whose distances count"),
                    "k": slider("k", 6, 1, MAX_K, name="How many neighbours"),
                },
                "Collection": self.sets.controls,
                "Query from the collection": {
                    "query_index": number("Row", -1, -1, len(self.image_set) - 1, name=member)
                },
            },
            centre=[
                *(self.neighbour_grid, self.pixel_neighbour_grid),
                *(heading("Every layer: precision@k"), self.chart),
            ],
            result=[self.query_grid],
        )
        self.show()
        self.on_change(self._new_layer, self.layer)
        self.on_change(self._show, self.k)
        self.on_change(self._compute_query, self.query_index)
        for grid in (self.neighbour_grid, self.pixel_neighbour_grid):
            self.on_change(lambda grid=grid: self._follow(grid), grid, name="selected")

    def refresh(self) -> None:
        if self.is_new_network():
            self._new_network()
        self.query_index.value = -1
        self._compute_query()

    def looks_at(self) -> tuple[int, int]:
        return len(self.image_set), len(self.sets.collection)

    def code(self) -> str:
        member = self.query_index.value
        query = self.image_picker.source.code(self.side) if member < 0 else member
        pictures = self.image_set.code(self.side)
        return nearest_neighbours_code(self.load_line, query, self.layer.value, self.k.value, pictures)

    def summary(self) -> str:
        return (
            f"The {self.k.value} nearest of {len(self.image_set)} pictures to the query"
            f" ({self._query_text}) for {self.display_name}, layer {self.layer.value}, beside the nearest by pixels."
        )

    def preview(self) -> Figure:
        k = min(self.k.value, 4)  # more would be too small
        layers = [layer for layer in (PIXELS, self.layer.value) if layer in self.neighbours]
        figure = canvas(9.6, 2.3 * len(layers))
        for line, layer in zip(figure.subplots(len(layers), k + 1, squeeze=False), layers, strict=True):
            best = self.neighbours[layer].index[:k].tolist()
            captions = [self.image_set.describe(index).split(",")[0] for index in best]
            pictures = [self._query_image, *self.image_set.as_floats(index=torch.tensor(best))]
            draw_row(line, pictures, ["query", *captions], [None, *map(self._same_class, best)])
            line[0].set_ylabel(layer, fontsize=9)
        return figure

    # Callbacks of the controls.

    @property
    def _query_text(self) -> str:
        member = self.query_index.value
        return self.image_picker.source.description if member < 0 else self.image_set.describe(member)

    @property
    def _query_image(self) -> Tensor:
        member = self.query_index.value
        return self.image if member < 0 else self.image_set.as_floats(self.side, torch.tensor([member]))[0]

    def _same_class(self, index: int) -> bool | None:
        """Whether a picture has the query's class; None where that is not known."""
        names, labels, member = self.image_set.class_names, self.image_set.labels, self.query_index.value
        if member >= 0:
            return bool(labels[index] == labels[member])
        source = self.image_picker.source
        shown = source.recipe.shape if isinstance(source, RenderedSource) else source.class_name
        return names[int(labels[index])] == shown if shown in names else None

    def _new_pictures(self) -> None:
        self.run_safely(self._take_new_pictures)

    def _take_new_pictures(self) -> None:
        with self.hold_callbacks():
            self._new_network()
            self.query_index.value = -1
        self._compute_query()

    def _new_network(self) -> None:
        self.image_set = self.sets.fitting(self.model, self.side)
        self.query_index.max = len(self.image_set) - 1
        layers = layers_with_features(self.model, self.side)
        offer_layers(self.layer, layers, otherwise=last_but_one(layers))
        self._together = first_layers(layers)
        self.features = {PIXELS: self.image_set.as_floats(self.side).flatten(1)}  # those need no network
        self.neighbours, self.curves = {}, {}
        if self.is_large and not self._is_shown and len(self.image_set) <= SMALL_SET:
            *_, first = collect_features(self.model, Floats(self.image_set, self.side), [self.layer.value])
            self.features |= first
        self._collect([*self._together, self.layer.value])

    def _collect(self, layers: Sequence[str]) -> None:
        """Compute the features of layers in one sequence of steps, then the precision curves, layer by layer."""
        total = steps_of(Floats(self.image_set, self.side))
        steps = self._steps(list(dict.fromkeys(layers)))
        self.in_background(steps, self._features_ready, self._draw_curves, total=total, at_once=self.at_once)

    def _steps(self, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        yield from collect_features(self.model, Floats(self.image_set, self.side), layers)
        most = min(MAX_K, len(self.image_set) - 1)
        for layer, codes in self.features.items():
            if layer not in self.curves:
                self.curves[layer] = precision_curve(codes, self.image_set.labels, most)
                yield {}

    def waiting_for(self) -> str:
        return f"{self.display_name} looks at the {len(self.image_set)} pictures of the collection"

    def _features_ready(self, codes: dict[str, Tensor]) -> None:
        if codes:
            # Of the layers inside of blocks only the last is kept: they take much memory.
            kept = {layer: self.features[layer] for layer in self._together if layer in self.features}
            self.features = kept | codes
            self._compute_query()
            if self.layer.value not in self.features:  # another layer was chosen in the meantime
                self._collect([self.layer.value])

    def _draw_curves(self) -> None:
        figure = precision_figure({layer: self.curves[layer] for layer in self.features}, width=6.0)
        self.chart.show_figure(figure)

    def _new_layer(self) -> None:
        if self.layer.value not in self.features and not self.background.running:
            self._collect([self.layer.value])
        self._show()

    def _compute_query(self) -> None:
        """Run a forward pass for a query that is not in the set."""
        self.neighbours = {}
        if self.features and self.query_index.value < 0:
            self.query_features = layer_features(self.model, self.image[None], list(self.features))
        self._show()

    def _find(self, layer: str) -> None:
        if layer in self.features and layer not in self.neighbours:
            query = self.query_index.value if self.query_index.value >= 0 else self.query_features[layer][0]
            self.neighbours[layer] = neighbours(
                self.features[layer], query, min(MAX_K, len(self.image_set) - 1)
            )

    def _show(self) -> None:
        layer, k = self.layer.value, self.k.value
        self.query_grid.tiles = image_tiles(self._query_image[None])
        self.query_grid.label = f"query: {self._query_text}"
        for grid, name in ((self.neighbour_grid, layer), (self.pixel_neighbour_grid, PIXELS)):
            self._find(name)
            if name in self.neighbours:
                self._fill(grid, name, k)
        if layer not in self.neighbours:
            self.show_waiting()
            return
        correct = [self._same_class(i) for i in self.neighbours[layer].index[:k].tolist()]
        right = "" if None in correct else f" {sum(correct)} of {k} show the query's class."
        self.set_status(
            f"{self.display_name}, {layer}: the {k} nearest of {len(self.image_set)} to {self._query_text}.{right}"
        )

    def _fill(self, grid: ImageGrid, layer: str, k: int) -> None:
        neighbours = self.neighbours[layer]
        index, distance = neighbours.index[:k].tolist(), neighbours.distance[:k].tolist()
        images = torch.stack([self.image_set.images[i] for i in index]).float() / 255
        same = [self._same_class(i) for i in index]
        boxes = [
            correctness_frame(tile, *images.shape[2:], right)
            for tile, right in enumerate(same)
            if right is not None
        ]
        with self.hold_callbacks(), grid.hold_sync():
            grid.selected = -1
            grid.tiles, grid.boxes = image_tiles(images), boxes
            grid.captions = [
                f"{rank + 1}. {self.image_set.describe(i)}, distance {far:.2f}"
                for rank, (i, far) in enumerate(zip(index, distance, strict=True))
            ]
            where = f"nearest in {layer}" if layer != PIXELS else "nearest by pixels"
            grid.label = f"{where} ({frames_legend('class')})" if boxes else where

    def _follow(self, grid: ImageGrid) -> None:
        """Make the chosen neighbour the query."""
        layer = PIXELS if grid is self.pixel_neighbour_grid else self.layer.value
        if grid.selected >= 0 and layer in self.neighbours:
            self.query_index.value = int(self.neighbours[layer].index[grid.selected])
