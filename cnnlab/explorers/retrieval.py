"""The retrieval explorer: find the same thing again, with any layer, in as few dimensions as you like."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import nn

from cnnlab.codes import mean_average_precision
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.parts import heading, names_for, offer_layers
from cnnlab.explorers.searching import Codes, collect_codes, layers_to_search, ranking
from cnnlab.explorers.sheet import Chart, Sheet, picture_tiles, verdict
from cnnlab.explorers.still import draw_row, still_figure
from cnnlab.figures.retrievals import dimensions_figure
from cnnlab.world import Instances, instances

SHOWN = 15


class RetrievalExplorer(Explorer):
    """Which pictures show the same thing as the query? The ranking of one layer's codes, and mean average precision by dimensions.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures, others
        The collection that is searched, and one of other things, on which the axes are found (`cnnlab.world.instances`); None takes
        small ones.
    networks
        Networks to choose from, by the names they shall have: such as before and after fine-tuning.
    layer
        The layer that is shown first; None takes the last with a ReLU.

    Controls
    --------
    layer, query
        Whose codes are compared, and which picture asks; a click in the ranking asks with that picture.
    dimensions, compressed, whiten
        How many axes are kept, whether any are left out at all, and whether all axes count alike.

    Example
    -------
    >>> explorer = RetrievalExplorer("mini_alexnet", layer="relu5")
    >>> explorer.dimensions.value = 4
    """

    title = "Retrieval"
    question = "Does the network find the same thing again?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        pictures: Instances | None = None,
        others: Instances | None = None,
        networks: Mapping[str, nn.Module] | None = None,
        layer: str | None = None,
    ):
        super().__init__(model, networks=networks)
        self.searched = instances("test", 40, 5, progress=False) if pictures is None else pictures
        self.others = instances("train", 40, 5, progress=False) if others is None else others
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
            layers = layers_to_search(self.model, self.side)
            offer_layers(self.layer, layers, self._first, layers[-1])
            self._first = None
        first, self._known = self._known is None, self.model
        if self.model in self.kept:
            self._new_layer()
            return
        steps = collect_codes(self.model, self.searched.images, self.others.images, self.layer.options)
        if first:
            *_, self.kept[self.model] = steps
            self._new_layer()
        else:
            self.say(f"{self._label} looks at the collection ...")
            self._growth.start(steps, self._collected, self.after(lambda: self.attempt(self._new_layer)))
            self._new_layer()  # without a running loop all steps are taken by now

    def code(self) -> str:
        layer, d = self.layer.value, self.asked_dimensions
        lines = ["import cnnlab", "from cnnlab import codes, world", "", self.load_line]
        things, views = len(self.searched.class_names), len(self.searched) // len(self.searched.class_names)
        lines += [
            f'collection = world.instances("test", {things}, {views})',
            f'found = codes.features(model, collection, "{layer}", "sum")',
        ]
        if d:
            way = "whiten" if self.whiten.value else "project"
            lines += [
                f'axes = codes.pca(codes.features(model, world.instances("train", {things}, {views}), "{layer}", "sum"))',
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
        shown = [self.query.value, *self.order[:7].tolist()]
        labels = self.searched.labels[shown]
        words = ["query", *(self._thing(index) for index in shown[1:])]
        right = [None, *(labels[1:] == labels[0]).tolist()]
        draw_row(figure.subplots(1, 8), self.searched.images[shown].float() / 255, words, right)
        figure.suptitle(f"{self.title}: {self._label}, {self.layer.value}", fontsize=10, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = widgets.Dropdown(options=[""], description="Layer")
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
            self.kept[self.model] = codes

    def _new_layer(self) -> None:
        if self.codes is None:
            return
        with self.quiet():
            self.dimensions.max = self.codes.most
        self._show()

    def _show(self) -> None:
        if self.codes is None:
            return
        self.dimensions.disabled = self.whiten.disabled = not self.compressed.value
        prepared = self.codes.prepared(self.asked_dimensions, self.whiten.value)
        labels, query = self.searched.labels, self.query.value
        self.order, self.distance = ranking(prepared, query)
        found = mean_average_precision(prepared, labels)
        self._draw_ranking(labels[self.order[:SHOWN]] == labels[query])
        self._draw_curve(found.chance)
        self.asked.tiles = picture_tiles(self.searched.images[query : query + 1].float() / 255)
        self.asked.label = f"query: {self._thing(query)}"
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
        if self.ranked.selected >= 0:
            self.query.value = int(self.order[self.ranked.selected])
