"""The retrieval explorer: find the same thing again, with any layer, in as few dimensions as you like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import nn

from cnnlab.codes import mean_average_precision
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, first_layers, offer_layers
from cnnlab.explorers.collection import Collection, first_pictures
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.growth import Growth, told
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.picture_sets import installed_crops, of_photographs
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.searching import Codes, collect_codes, fitting, layers_to_search, ranking, steps_of
from cnnlab.explorers.sheet import Chart, Sheet, picture_tiles, verdict
from cnnlab.explorers.still import draw_row, still_figure
from cnnlab.figures.retrievals import dimensions_figure
from cnnlab.world import instances

SHOWN = 15
MOST = 10_000
"""Pictures of a collection that is given as a data set; of photographs fewer are searched."""


class RetrievalExplorer(Explorer):
    """Which pictures show the same thing as the query? The ranking of one layer's codes, and mean average precision by dimensions.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures, training_set
        The collection that is searched (`cnnlab.world.instances`, a data set, `cnnlab.photographs` or the path of a folder of them), and
        one of other things, on which the axes are found; None takes
        small ones.
    networks
        Networks to choose from, by the names they shall have: such as before and after fine-tuning.
    layer
        The layer that is shown first; None takes the last with a ReLU.

    Controls
    --------
    layer, query
        Whose codes are compared, and which picture asks; a click in the ranking asks with that picture.
    dimensions, compress, whiten
        How many axes are kept, whether any are left out at all, and whether all axes count alike.

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
        others: Any = None,
        networks: Mapping[str, nn.Module] | None = None,
        layer: str | None = None,
    ):
        super().__init__(model, networks=networks)
        self.sets = DatasetPicker(
            pictures, (), self._new_pictures, self.fail, self.say, MOST, rendered_things
        )
        self.data, self.folder = self.sets.data, self.sets.folder
        self._others = others
        self._take_pictures()
        self.kept: dict[nn.Module, dict[str, Codes]] = {}
        self.curves: dict[tuple, dict[int, float]] = {}
        self._growth: Growth[dict[str, Codes]] = Growth()
        self._known: nn.Module | None = None
        self._first = layer
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._new_layer, self.layer)
        self.watch(self._show, self.query, self.dimensions, self.compressed, self.whiten)
        self.watch(self._walk, self.ranked, name="selected")

    @property
    def codes(self) -> Codes | None:
        """What the chosen layer gives; None while it is collected."""
        return self.kept.get(self.model, {}).get(self.layer.value)

    @property
    def asked_dimensions(self) -> int:
        """How many dimensions are kept, 0 for the code as it is."""
        return self.dimensions.value if self.compressed.value else 0

    def refresh(self) -> None:
        if self._known is not self.model:
            layers, last = layers_to_search(self.model, self.side)
            offer_layers(self.layer, layers, asked=self._first, otherwise=last)
            self._first = None
            self._take_pictures()
            self.query.max = len(self.searched) - 1
        first, self._known = self._known is None, self.model
        self._growth.stop()
        if self.codes is None and first and not self.is_large:
            for codes in self._steps():
                self._collected(codes)
        self._new_layer()

    def _take_pictures(self) -> None:
        """The pictures that are searched, and those of other things: rendered ones, or patches of photographs at other places."""
        searched = self.sets.collection
        others = self._others
        if others is None:
            others = (
                installed_crops(1)[0]
                if of_photographs(searched)
                else instances("train", 40, 5, progress=False)
            )
        self.searched, self.others = fitting(searched, self.side), fitting(others, self.side)

    def _new_pictures(self) -> None:
        self.kept, self.curves, self._known = {}, {}, None
        with self.quiet():
            self.query.value = 0
        self.attempt(self._renew)

    def _steps(self) -> Iterator[dict[str, Codes]]:
        """The codes of the layers that the menu shows first, and of the chosen one, as far as they are not there yet."""
        images, kept = (self.searched.images, self.others.images), self.kept.get(self.model, {})
        wanted = dict.fromkeys([*first_layers(self.layer.options), self.layer.value])
        steps = collect_codes(self.model, *images, [layer for layer in wanted if layer not in kept])
        return told(steps, steps_of(*images), self._say_waiting)

    def _say_waiting(self, share: str = "") -> None:
        self.say(
            f"{self._label} looks at {len(self.searched)} pictures, and at as many of other things ... {share}"
        )

    def code(self) -> str:
        layer, d = self.layer.value, self.asked_dimensions
        lines = ["import cnnlab", "from cnnlab import codes, world", "", self.load_line]
        things, views = len(self.searched.class_names), len(self.searched) // len(self.searched.class_names)
        collection, others = (f'world.instances("{split}", {things}, {views})' for split in ("test", "train"))
        if of_photographs(self.searched):
            collection, others = (
                one.removesuffix(".images") for one in (self.searched.expression, installed_crops(1)[1])
            )
        lines += [
            f"collection = {collection}",
            f'found = codes.features(model, collection, "{layer}", "sum")',
        ]
        if d:
            way = "whiten" if self.whiten.value else "project"
            lines += [
                f'axes = codes.pca(codes.features(model, {others}, "{layer}", "sum"))',
                f"found = axes.{way}(found, {d})",
            ]
        lines += [
            "print(codes.mean_average_precision(codes.l2(found), collection.labels).mean)",
            f"print(codes.neighbours(codes.l2(found), {self.query.value}, k={SHOWN}).index)",
        ]
        return "\n".join(lines)

    def describe(self) -> str:
        what = f"{self.asked_dimensions} dimensions" if self.asked_dimensions else "all numbers"
        return (
            f"Retrieval explorer. Pictures nearest to a query ({self._thing(self.query.value)}) among {len(self.searched)},"
            f" by {self._label}, layer {self.layer.value}, {what}. Run the cell to search with other codes."
        )

    def still(self) -> bytes:
        figure = Figure(figsize=(9.6, 1.7), dpi=90, layout="constrained", facecolor="white")
        shown = [self.query.value, *(self.order[:7].tolist() if self.codes is not None else [])]
        labels = self.searched.labels[shown]
        words = ["query", *(self._thing(index) for index in shown[1:])]
        right = [None, *(labels[1:] == labels[0]).tolist()]
        draw_row(figure.subplots(1, 8)[: len(shown)], self.searched.images[shown].float() / 255, words, right)
        figure.suptitle(f"{self.title}: {self._label}, {self.layer.value}", fontsize=10, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.query = widgets.IntSlider(0, min=0, max=len(self.searched) - 1, description="Query")
        self.compressed = widgets.Checkbox(True, description="compress by PCA", indent=False)
        self.dimensions = widgets.IntSlider(16, min=2, max=16, description="Dim.")
        self.whiten = widgets.Checkbox(True, description="whiten", indent=False)
        self.asked = Sheet(columns=1, largest=150, label="Query")
        self.ranked = Sheet(columns=5, largest=120, label="Nearest")
        self.chart = Chart()

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Picture": [],
                "Collection": self.sets.rows,
                "Query": [self.query],
                "Code": [self.layer, self.compressed, self.dimensions, self.whiten],
            },
            stage=[
                self.asked,
                self.ranked,
                heading("Mean average precision by dimensions"),
                self.chart,
            ],
            result=[],
            names=[
                *names_for(self.layer, "layer", "Layer whose codes are compared"),
                *self.sets.names,
                *names_for(self.query, "query", "Picture of the collection that asks"),
                *names_for(self.compressed, "compressed", "Keep only some axes"),
                *names_for(self.dimensions, "dimensions", "How many dimensions are kept"),
                *names_for(self.whiten, "whiten", "Let all axes count alike"),
            ],
        )

    # What happens when a control changes.

    @property
    def _label(self) -> str:
        return self.network.label or self.called

    def _thing(self, index: int) -> str:
        return self.searched.class_names[int(self.searched.labels[index])]

    def _collected(self, codes: dict[str, Codes]) -> None:
        if codes:
            self.kept[self.model] = self.kept.get(self.model, {}) | codes

    def _new_layer(self) -> None:
        if self.codes is None and not self._growth.running:
            self._say_waiting()
            self._growth.start(
                self._steps(), self._collected, self.after(lambda: self.attempt(self._new_layer))
            )
        self._show_query()
        if self.codes is None:
            return
        with self.quiet():
            self.dimensions.max = self.codes.most
        self._show()

    def _show_query(self) -> None:
        query = self.query.value
        self.asked.tiles = picture_tiles(self.searched.images[query : query + 1].float() / 255)
        self.asked.label = f"query: {self._thing(query)}"

    def _show(self) -> None:
        self._show_query()
        if self.codes is None:
            return
        self.dimensions.disabled = self.whiten.disabled = not self.compressed.value
        prepared = self.codes.prepared(self.asked_dimensions, self.whiten.value)
        labels, query = self.searched.labels, self.query.value
        self.order, self.distance = ranking(prepared, query)
        found = mean_average_precision(prepared, labels)
        self._draw_ranking(labels[self.order[:SHOWN]] == labels[query])
        self._draw_curve(found.chance)
        self.say(
            f"{self._label}, {self.layer.value}: average precision of this query {float(found.per_query[query]):.2f},"
            f" mean over all {found.mean:.2f} (chance {found.chance:.2f})."
        )

    def _draw_ranking(self, right) -> None:
        best = self.order[:SHOWN]
        size = self.searched.images.shape[2:]
        with self.quiet(), self.ranked.hold_sync():
            self.ranked.selected = -1
            self.ranked.tiles = picture_tiles(self.searched.images[best].float() / 255)
            self.ranked.boxes = [verdict(tile, *size, same) for tile, same in enumerate(right.tolist())]
            self.ranked.captions = [
                f"{rank + 1}. {self._thing(i)}, distance {far:.2f}"
                for rank, (i, far) in enumerate(zip(best.tolist(), self.distance.tolist(), strict=False))
            ]
            self.ranked.label = f"nearest in {self.layer.value} (click to ask with one)"

    def _draw_curve(self, chance: float) -> None:
        layer, labels = self.layer.value, self.searched.labels
        key = (self.model, layer, self.whiten.value)
        if key not in self.curves:
            self.curves[key] = self.codes.curve(labels, self.whiten.value)
        levels = {layer: mean_average_precision(self.codes.prepared(0), labels).mean}
        mark = self.asked_dimensions or None
        figure = dimensions_figure({layer: self.curves[key]}, levels, chance, mark, width=5.2)
        self.chart.show(figure.png(), figure.words)

    def _walk(self) -> None:
        """The chosen picture becomes the query."""
        if self.ranked.selected >= 0 and self.codes is not None:
            self.query.value = int(self.order[self.ranked.selected])


def rendered_things() -> Collection:
    """Forty things in five views each."""
    return first_pictures(instances("test", 40, 5, progress=False))
