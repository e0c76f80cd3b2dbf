"""The neighbour explorer: which pictures a layer takes for alike, beside what the bare pixels say."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.codes import PIXELS, Neighbours, neighbours, precision_curve
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.code_book import codes_of, collected_codes, layers_with_codes
from cnnlab.explorers.collection import Collection, first_pictures
from cnnlab.explorers.encode import to_array
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.sheet import Chart, Sheet, picture_tiles
from cnnlab.explorers.sources import Rendered
from cnnlab.explorers.still import still_figure
from cnnlab.figures.neighbourhoods import precision_figure

RIGHT, WRONG = "#2e9e4f", "#d3482b"
MOST = 20


class NeighbourExplorer(Explorer):
    """Which pictures are alike for a layer? The nearest ones to a query, beside the nearest by pixels, and precision@k of every layer.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        The query: a seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    pictures
        The data set in which neighbours are sought: its first pictures. None takes the validation split.
    layer
        The layer that is shown first; None takes the last but one.

    Controls
    --------
    layer, k
        Whose distances, and how many neighbours.
    member
        -1 asks with the picture chosen above; else with this picture of the collection. A click on a neighbour chooses it.

    Example
    -------
    >>> explorer = NeighbourExplorer("mini_alexnet", picture=7, layer="fc7")
    >>> explorer.layer.value = "pixels"
    """

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
        self.collection: Collection = first_pictures(pictures, 300)
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
        self.watch(self._show, self.layer, self.k)
        self.watch(self._ask, self.member)
        for sheet in (self.near, self.near_pixels):
            self.watch(lambda sheet=sheet: self._walk(sheet), sheet, name="selected")

    def refresh(self) -> None:
        if self._known is not self.model:
            self._new_network()
        self.member.value = -1
        self._ask()

    def code(self) -> str:
        layer, count = self.layer.value, len(self.collection)
        lines = ["import cnnlab", "from cnnlab import codes, world", "", self.load_line]
        lines += [
            f'pictures = world.dataset("validation").images[:{count}] / 255',
            f'collection = codes.features(model, pictures, "{layer}")',
        ]
        if self.member.value < 0:
            lines += [
                self.pictures.source.code(self.side),
                f'query = codes.features(model, image, "{layer}")',
            ]
        else:
            lines += [f"query = {self.member.value}  # a picture of the collection"]
        return "\n".join(
            [*lines, f"found = codes.neighbours(collection, query, k={self.k.value})", "print(found.index)"]
        )

    def describe(self) -> str:
        return (
            f"Neighbour explorer. The {self.k.value} nearest of {len(self.collection)} pictures to the query"
            f" ({self._asked}) for {self.called}, layer {self.layer.value}, beside the nearest by pixels."
            " Run the cell to choose other queries and layers."
        )

    def still(self) -> bytes:
        k = min(self.k.value, 7)
        figure = Figure(figsize=(9.6, 3.5), dpi=90, layout="constrained", facecolor="white")
        images, right = self.collection.floats(), self._right
        axes = figure.subplots(2, k + 1, squeeze=False)
        for line, layer in zip(axes, (PIXELS, self.layer.value), strict=True):
            line[0].imshow(to_array(self._query_image), interpolation="antialiased")
            line[0].set_title("query", fontsize=8)
            for axis, index in zip(line[1:], self.found[layer].index[:k].tolist(), strict=True):
                axis.imshow(to_array(images[index]), interpolation="antialiased")
                ink = "black" if right(index) is None else (RIGHT if right(index) else WRONG)
                axis.set_title(self.collection.words(index).split(",")[0], fontsize=8, color=ink)
            line[0].set_ylabel(layer, fontsize=9)
        for axis in axes.ravel():
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = widgets.Dropdown(options=[""], description="Layer")
        self.k = widgets.IntSlider(6, min=1, max=MOST, description="k")
        count = len(self.collection)
        self.member = widgets.BoundedIntText(-1, min=-1, max=count - 1, description="Row")
        self.asked = Sheet(columns=1, largest=150, label="Query")
        self.near = Sheet(columns=6, largest=110, label="Nearest")
        self.near_pixels = Sheet(columns=6, largest=110, label="Nearest by pixels")
        self.chart = Chart()

    def _lay_out(self) -> None:
        self.arrange(
            {"Neighbours": [self.layer, self.k], "Query from the collection": [self.member]},
            stage=[self.near, self.near_pixels, heading("Every layer: precision@k"), self.chart],
            result=[self.asked],
            names=[
                *names_for(self.layer, "layer", "Layer whose distances count"),
                *names_for(self.k, "k", "How many neighbours"),
                *names_for(
                    self.member, "member", "Picture of the collection that asks; -1 for the picture above"
                ),
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
        if not isinstance(source, Rendered) or source.recipe.shape not in names:
            return None
        return names[int(labels[index])] == source.recipe.shape

    def _new_network(self) -> None:
        layers = layers_with_codes(self.model, self.side)
        wanted, self._first = self._first or self.layer.value, None
        if wanted and wanted not in layers and not self.codes:
            raise ValueError(f'layer "{wanted}" is not offered; choose one of: {", ".join(layers)}.')
        self.layer.options = layers
        self.layer.value = wanted if wanted in layers else layers[max(0, len(layers) - 2)]
        self._known = self.model
        steps = collected_codes(self.model, self.collection.floats(self.side), layers)
        if not self.codes:  # the first network: at once, so that there is something to see
            for codes in steps:
                self.codes = codes
            self._draw_curves()
            return
        self.codes = {}
        self._growth.start(steps, self._collected, self._finished)

    def _collected(self, codes: dict[str, Tensor]) -> None:
        if codes:
            self.codes = codes
            self._draw_curves()
            self.attempt(self._ask)

    def _finished(self, error: Exception | None) -> None:
        if error is not None:
            self.fail(error)

    def _draw_curves(self) -> None:
        most = min(MOST, len(self.collection) - 1)
        labels = self.collection.labels
        self.curves = {layer: precision_curve(codes, labels, most) for layer, codes in self.codes.items()}
        figure = precision_figure(self.curves, width=6.0)
        self.chart.show(figure.png(), figure.words)

    def _ask(self) -> None:
        """One forward pass for a picture that is not in the collection."""
        if not self.codes:
            self.say(f"{self.called} looks at the collection ...")
            return
        layers, member = list(self.codes), self.member.value
        if member < 0:
            self.query = codes_of(self.model, self.image[None], layers)
        self.found = {
            layer: neighbours(
                self.codes[layer],
                member if member >= 0 else self.query[layer][0],
                min(MOST, len(self.collection) - 1),
            )
            for layer in (PIXELS, self.layer.value)
        }
        self._show()

    def _show(self) -> None:
        if not self.codes:
            return
        layer, k = self.layer.value, self.k.value
        if layer not in self.found:
            query = self.member.value if self.member.value >= 0 else self.query[layer][0]
            self.found[layer] = neighbours(self.codes[layer], query, min(MOST, len(self.collection) - 1))
        self.asked.tiles = picture_tiles(self._query_image[None])
        self.asked.label = f"query: {self._asked}"
        for sheet, name in ((self.near, layer), (self.near_pixels, PIXELS)):
            self._fill(sheet, name, k)
        known = [self._right(i) for i in self.found[layer].index[:k].tolist()]
        right = "" if None in known else f" {sum(known)} of {k} show the query's class."
        self.say(
            f"{self.called}, {layer}: the {k} nearest of {len(self.collection)} to {self._asked}.{right}"
        )

    def _fill(self, sheet: Sheet, layer: str, k: int) -> None:
        found = self.found[layer]
        index, distance = found.index[:k].tolist(), found.distance[:k].tolist()
        images = torch.stack([self.collection.images[i] for i in index]).float() / 255
        high, wide = images.shape[2:]
        boxes = []
        for tile, i in enumerate(index):
            if self._right(i) is not None:
                frame = [1, 1, high - 2, wide - 2]
                boxes.append({"tile": tile, "box": frame, "colour": RIGHT if self._right(i) else WRONG})
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
        if sheet.selected >= 0:
            layer = PIXELS if sheet is self.near_pixels else self.layer.value
            self.member.value = int(self.found[layer].index[sheet.selected])
