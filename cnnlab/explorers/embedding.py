"""The embedding explorer: the codes of a layer on a map of pictures, by t-SNE or PCA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.codes import PIXELS, embed, precision_at_k
from cnnlab.explorers import picture_map
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.cloud import Cloud
from cnnlab.explorers.code_book import collected_codes, facts, layers_with_codes
from cnnlab.explorers.collection import Collection, first_pictures
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.parts import names_for, offer_layers
from cnnlab.explorers.sheet import picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.figures.neighbourhoods import picture_map_figure
from cnnlab.networks.tasks import digits

WORLD, DIGITS = "pictures", "handwritten digits"
NOTHING = "nothing"
DIGIT_COUNT = 300


class EmbeddingExplorer(Explorer):
    """How do the pictures lie in the space of a layer? Its codes on a map, drawn with the pictures themselves.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures
        The data set that is mapped: its first pictures. None takes the validation split.
    layer
        The layer that is shown first; None takes the last but one.

    Controls
    --------
    data
        The pictures, or scikit-learn's handwritten digits.
    layer, method, perplexity
        Whose codes, and how they are brought to two dimensions; what was computed once is kept.
    colour
        What colours the frames: the class, the scene, the main colour of the background, or nothing.
    thumbnails, in_grid, size
        Pictures or points; at their places, or each in a cell of its own; and how large.

    Example
    -------
    >>> explorer = EmbeddingExplorer("mini_alexnet", layer="fc7")
    >>> explorer.method.value, explorer.colour.value = "pca", "scene"
    """

    title = "Map of pictures"
    question = "How do the pictures lie in the space of a layer?"

    def __init__(
        self, model: str | nn.Module = "mini_alexnet", pictures: Any = None, layer: str | None = None
    ):
        super().__init__(model)
        self.collections: dict[str, Collection] = {WORLD: first_pictures(pictures, 300)}
        self.points: Tensor | None = None
        self.precision = 0.0
        self._facts: dict[str, dict[str, list[str]]] = {}
        self._codes: dict[tuple, Tensor] = {}
        self._maps: dict[tuple, Tensor] = {}
        self._growth: Growth[Tensor | None] = Growth()
        self._known: nn.Module | None = None
        self._first = layer
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._new_data, self.data)
        self.watch(self._map, self.layer, self.method, self.perplexity)
        self.watch(self._draw, self.colour, self.thumbnails, self.in_grid, self.size)

    @property
    def collection(self) -> Collection:
        """The pictures that are on the map."""
        if self.data.value not in self.collections:
            self.collections[DIGITS] = first_pictures(digits("train"), DIGIT_COUNT)
        return self.collections[self.data.value]

    def refresh(self) -> None:
        if self._known is not self.model:
            layers = layers_with_codes(self.model, self.side)
            offer_layers(self.layer, layers, self._first, layers[max(0, len(layers) - 2)])
            self._first = None
            self._known = self.model
        self._new_data()

    def code(self) -> str:
        return picture_map.code(
            self.load_line,
            side=self.side,
            count=len(self.collection),
            layer=self.layer.value,
            method=self.method.value,
            perplexity=self.perplexity.value,
            of_digits=self.data.value == DIGITS,
        )

    def describe(self) -> str:
        how = "PCA" if self.method.value == "pca" else f"t-SNE of perplexity {self.perplexity.value}"
        return (
            f"Map of {len(self.collection)} {self.data.value}: {self.called}, layer {self.layer.value}, by {how}."
            " Run the cell to choose other layers, point at pictures and colour them."
        )

    def still(self) -> bytes:
        images = F.interpolate(self.collection.floats(), size=(picture_map.THUMB,) * 2, mode="area")
        figure = picture_map_figure(self.points, images, grid=self.in_grid.value, size=8.0)
        figure.suptitle(f"{self.title}: {self.layer.value}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.data = widgets.Dropdown(options=[WORLD, DIGITS], description="Data")
        self.layer = widgets.Dropdown(options=[""], description="Layer")
        self.method = widgets.Dropdown(options=[("t-SNE", "tsne"), ("PCA", "pca")], description="Method")
        most = min(100, len(self.collections[WORLD]) - 1)
        self.perplexity = widgets.IntSlider(
            min(30, most), min=2, max=most, description="Perplex.", continuous_update=False
        )
        self.colour = widgets.Dropdown(options=[NOTHING], description="Colour")
        self.thumbnails = widgets.Checkbox(True, description="show the pictures", indent=False)
        self.in_grid = widgets.Checkbox(False, description="in a grid, apart", indent=False)
        self.size = widgets.IntSlider(28, min=10, max=64, description="Size")
        self.cloud = Cloud()

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Picture": [],
                "Codes": [self.data, self.layer],
                "Map": [self.method, self.perplexity],
                "Look": [self.colour, self.thumbnails, self.in_grid, self.size],
            },
            stage=[self.cloud],
            result=[],
            names=[
                *names_for(self.data, "data", "Which pictures are on the map"),
                *names_for(self.layer, "layer", "Layer whose codes are mapped"),
                *names_for(self.method, "method", "How codes are brought to two dimensions"),
                *names_for(self.perplexity, "perplexity", "Perplexity of t-SNE"),
                *names_for(self.colour, "colour", "What colours the frames"),
                *names_for(self.thumbnails, "thumbnails", "Show the pictures instead of points"),
                *names_for(self.in_grid, "in-grid", "Put the pictures in a grid"),
                *names_for(self.size, "size", "Size of the pictures on the map"),
            ],
        )
        self.widget.add_class("cnnlab-wide")

    # What happens when a control changes.

    def _new_data(self) -> None:
        name = self.data.value
        if name not in self._facts:
            self._facts[name] = facts(self.collection)
        known = self._facts[name]
        with self.quiet():
            before = self.colour.value
            self.colour.options = [*known, NOTHING]
            self.colour.value = before if before in known else "class"
        self.cloud.tiles = picture_tiles(picture_map.thumbnails(self.collection.floats()))
        words = zip(*known.values(), strict=True)
        self.cloud.captions = [
            ", ".join(f"{what}: {which}" for what, which in zip(known, one, strict=True)) for one in words
        ]
        self._map()

    @property
    def _key(self) -> tuple:
        perplexity = self.perplexity.value if self.method.value == "tsne" else None
        return self.model, self.data.value, self.layer.value, self.method.value, perplexity

    def _map(self) -> None:
        self._growth.stop()
        key = self._key
        if key in self._maps:
            self._shown(self._maps[key])
        elif self.points is None:  # the first map: at once, so that there is something to see
            for points in self._steps(key):
                found = points
            self._shown(found)
        else:
            self.say(
                f"{self.called} looks at {len(self.collection)} {self.data.value}; then the map is made ..."
            )
            self._growth.start(self._steps(key), self._step, self.after(lambda: None))

    def _steps(self, key: tuple) -> Iterator[Tensor | None]:
        """Codes in short steps, and at last the map."""
        model, data, layer, method, perplexity = key
        if (model, data, layer) not in self._codes:
            images = self.collection.floats(self.side)
            for codes in collected_codes(model, images, list(dict.fromkeys((PIXELS, layer)))):
                if codes:
                    self._codes[model, data, layer] = codes[layer]
                yield None
        vectors = self._codes[model, data, layer]
        self._maps[key] = embed(vectors, method, perplexity=perplexity or 30)
        yield self._maps[key]

    def _step(self, points: Tensor | None) -> None:
        if points is not None:
            self._shown(points)
            self._code.code = self.code()

    def _shown(self, points: Tensor) -> None:
        self.points = points
        codes = self._codes[self._key[:3]]
        self.precision = precision_at_k(codes, self.collection.labels, 5).rate
        self.cloud.selected = -1
        self._draw()
        self.say(
            f"{self.called}, {self.layer.value}: of the 5 nearest codes (not points) {self.precision:.0%} show the same"
            " class, on average."
        )

    def _draw(self) -> None:
        known = self._facts[self.data.value].get(self.colour.value)
        colours, legend = [""] * len(self.collection), []
        if known is not None:
            names = list(self.collection.class_names) if self.colour.value == "class" else sorted(set(known))
            colours, legend = picture_map.shades(known, names)
        with self.cloud.hold_sync():
            self.cloud.points = picture_map.places(self.points, self.in_grid.value)
            self.cloud.colours, self.cloud.legend = colours, legend
            self.cloud.pictures, self.cloud.size = self.thumbnails.value, self.size.value
            self.cloud.label = f"{self.data.value}, {self.layer.value}"
