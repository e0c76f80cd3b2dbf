"""The neighbour explorer: which pictures a layer takes for alike, beside what the bare pixels say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.codes import PIXELS, Neighbours, neighbours, precision_curve
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, first_layers, last_but_one, offer_layers
from cnnlab.explorers.code_book import (
    codes_of,
    collected_codes,
    layers_with_codes,
    neighbours_code,
    steps_of,
)
from cnnlab.explorers.collection import Collection, Floats
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.growth import Growth, told
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Chart, Sheet, picture_tiles, verdict
from cnnlab.explorers.sources import Rendered
from cnnlab.explorers.still import draw_row, still_figure
from cnnlab.figures.neighbourhoods import precision_figure

MOST = 20


class NeighbourExplorer(Explorer):
    """Which pictures are alike for a layer? The nearest ones to a query, beside the nearest by pixels, and precision@k of every layer.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        The query: the name of a photograph, a seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    pictures
        In which neighbours are sought: a data set, `cnnlab.photographs`, or the path of a folder of photographs. None takes crops of
        photographs for an ImageNet network, else the validation split.
    layer
        The layer that is shown first; None takes the last but one.

    Controls
    --------
    layer, k
        Whose distances, and how many neighbours.
    query_index
        -1 asks with the picture chosen above; else with this picture of the collection. A click on a neighbour chooses it.
    data, folder
        The set that is searched, and the path of your own (`DatasetPicker`).

    Example
    -------
    >>> explorer = NeighbourExplorer("mini_alexnet", picture=7, layer="fc7")
    >>> explorer.layer.value = "pixels"
    """

    kinds = (*CLASSIFIERS, "random labels")
    title = "Neighbours"
    question = "Which pictures are alike for the network?"

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
        self.data, self.folder = self.sets.data, self.sets.folder
        self.collection: Collection = self.sets.fitting(self.side)
        self.codes: dict[str, Tensor] = {}
        self.query: dict[str, Tensor] = {}
        self.found: dict[str, Neighbours] = {}
        self.curves: dict[str, Tensor] = {}
        self._growth: Growth[dict[str, Tensor]] = Growth()
        self._known: nn.Module | None = None
        self._first = layer
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._new_layer, self.layer)
        self.watch(self._show, self.k)
        self.watch(self._ask, self.member)
        for sheet in (self.near, self.near_pixels):
            self.watch(lambda sheet=sheet: self._walk(sheet), sheet, name="selected")

    def refresh(self) -> None:
        if self._known is not self.model:
            self._new_network()
        self.member.value = -1
        self._ask()

    def code(self) -> str:
        asks = self.pictures.source.code(self.side) if self.member.value < 0 else self.member.value
        pictures = self.collection.code(self.side)
        return neighbours_code(self.load_line, asks, self.layer.value, self.k.value, pictures)

    def describe(self) -> str:
        return (
            f"Neighbour explorer. The {self.k.value} nearest of {len(self.collection)} pictures to the query"
            f" ({self._asked}) for {self.called}, layer {self.layer.value}, beside the nearest by pixels."
            " Run the cell to choose other queries and layers."
        )

    def still(self) -> bytes:
        k = min(self.k.value, 7)
        figure = Figure(figsize=(9.6, 3.5), dpi=90, layout="constrained", facecolor="white")
        right = self._right
        layers = [layer for layer in (PIXELS, self.layer.value) if layer in self.found]
        for line, layer in zip(figure.subplots(2, k + 1, squeeze=False), layers, strict=False):
            best = self.found[layer].index[:k].tolist()
            words = [self.collection.words(index).split(",")[0] for index in best]
            shown = [self._query_image, *self.collection.floats(index=torch.tensor(best))]
            draw_row(line, shown, ["query", *words], [None, *map(right, best)])
            line[0].set_ylabel(layer, fontsize=9)
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.k = widgets.IntSlider(6, min=1, max=MOST, description="k")
        count = len(self.collection)
        self.member = widgets.BoundedIntText(-1, min=-1, max=count - 1, description="Row")
        self.asked = Sheet(columns=1, largest=150, label="Query")
        self.near = Sheet(columns=6, largest=110, label="Nearest")
        self.near_pixels = Sheet(columns=6, largest=110, label="Nearest by pixels")
        self.chart = Chart()

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Neighbours": [self.layer, self.k],
                "Collection": self.sets.rows,
                "Query from the collection": [self.member],
            },
            stage=[self.near, self.near_pixels, heading("Every layer: precision@k"), self.chart],
            result=[self.asked],
            names=[
                *names_for(self.layer, "layer", "Layer whose distances count"),
                *names_for(self.k, "k", "How many neighbours"),
                *names_for(
                    self.member, "member", "Picture of the collection that asks; -1 for the picture above"
                ),
                *self.sets.names,
            ],
        )

    # What happens when a control changes.

    @property
    def _asked(self) -> str:
        member = self.member.value
        return self.pictures.source.words if member < 0 else self.collection.words(member)

    @property
    def _query_image(self) -> Tensor:
        member = self.member.value
        return self.image if member < 0 else self.collection.floats(self.side, torch.tensor([member]))[0]

    def _right(self, index: int) -> bool | None:
        """Whether a picture has the query's class; None where nobody knows that."""
        names, labels, member = self.collection.class_names, self.collection.labels, self.member.value
        if member >= 0:
            return bool(labels[index] == labels[member])
        source = self.pictures.source
        shown = source.recipe.shape if isinstance(source, Rendered) else source.class_name
        return names[int(labels[index])] == shown if shown in names else None

    def _new_pictures(self) -> None:
        self._known = None
        self.attempt(self._renew)

    def _new_network(self) -> None:
        self.collection = self.sets.fitting(self.side)
        self.member.max = len(self.collection) - 1
        layers = layers_with_codes(self.model, self.side)
        offer_layers(self.layer, layers, asked=self._first, otherwise=last_but_one(layers))
        first, self._first, self._known = not self.codes, None, self.model
        self._together = first_layers(layers)
        self.codes, self.found, self.curves = {}, {}, {}
        steps = self._steps([*self._together, self.layer.value])
        if first and not self.is_large:  # so that there is something to see
            for codes in steps:
                self.codes = codes or self.codes
            return
        if first:
            self.codes = {PIXELS: self.collection.floats(self.side).flatten(1)}
        self._growth.start(steps, self._collected, self.after(lambda: None))

    def _steps(self, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Codes in short steps, all of them with one of the steps; then the curves, layer by layer."""
        images = Floats(self.collection, self.side)
        steps = collected_codes(self.model, images, list(dict.fromkeys(layers)))
        yield from told(steps, steps_of(images), self._say_waiting)
        most = min(MOST, len(self.collection) - 1)
        for layer, codes in self.codes.items():
            if layer not in self.curves:
                self.curves[layer] = precision_curve(codes, self.collection.labels, most)
                yield {}
        self._draw_curves()

    def _say_waiting(self, share: str = "") -> None:
        self.say(f"{self.called} looks at the {len(self.collection)} pictures of the collection ... {share}")

    def _collected(self, codes: dict[str, Tensor]) -> None:
        if codes:
            # Of the layers inside of blocks the last one alone: they take much room.
            kept = {layer: self.codes[layer] for layer in self._together if layer in self.codes}
            self.codes = kept | codes
            self.attempt(self._ask)
            if self.layer.value not in self.codes:  # another layer was chosen meanwhile
                self._collect()

    def _collect(self) -> None:
        """The codes of the chosen layer alone."""
        self._growth.start(self._steps([self.layer.value]), self._collected, self.after(lambda: None))

    def _draw_curves(self) -> None:
        figure = precision_figure({layer: self.curves[layer] for layer in self.codes}, width=6.0)
        self.chart.show(figure.png(), figure.words)

    def _new_layer(self) -> None:
        if self.layer.value in self.codes:
            self._show()
        else:
            if not self._growth.running:
                self._collect()
            self._show()

    def _ask(self) -> None:
        """One forward pass for a picture that is not in the collection."""
        self.found = {}
        if self.codes and self.member.value < 0:
            self.query = codes_of(self.model, self.image[None], list(self.codes))
        self._show()

    def _find(self, layer: str) -> None:
        if layer in self.codes and layer not in self.found:
            query = self.member.value if self.member.value >= 0 else self.query[layer][0]
            self.found[layer] = neighbours(self.codes[layer], query, min(MOST, len(self.collection) - 1))

    def _show(self) -> None:
        layer, k = self.layer.value, self.k.value
        self.asked.tiles = picture_tiles(self._query_image[None])
        self.asked.label = f"query: {self._asked}"
        for sheet, name in ((self.near, layer), (self.near_pixels, PIXELS)):
            self._find(name)
            if name in self.found:
                self._fill(sheet, name, k)
        if layer not in self.found:
            self._say_waiting()
            return
        known = [self._right(i) for i in self.found[layer].index[:k].tolist()]
        right = "" if None in known else f" {sum(known)} of {k} show the query's class."
        self.say(
            f"{self.called}, {layer}: the {k} nearest of {len(self.collection)} to {self._asked}.{right}"
        )

    def _fill(self, sheet: Sheet, layer: str, k: int) -> None:
        found = self.found[layer]
        index, distance = found.index[:k].tolist(), found.distance[:k].tolist()
        images = torch.stack([self.collection.images[i] for i in index]).float() / 255
        same = [self._right(i) for i in index]
        boxes = [
            verdict(tile, *images.shape[2:], right) for tile, right in enumerate(same) if right is not None
        ]
        with self.quiet(), sheet.hold_sync():
            sheet.selected = -1
            sheet.tiles, sheet.boxes = picture_tiles(images), boxes
            sheet.captions = [
                f"{rank + 1}. {self.collection.words(i)}, distance {far:.2f}"
                for rank, (i, far) in enumerate(zip(index, distance, strict=True))
            ]
            sheet.label = f"nearest in {layer}" if layer != PIXELS else "nearest by pixels"

    def _walk(self, sheet: Sheet) -> None:
        """The chosen neighbour becomes the query."""
        layer = PIXELS if sheet is self.near_pixels else self.layer.value
        if sheet.selected >= 0 and layer in self.found:
            self.member.value = int(self.found[layer].index[sheet.selected])
