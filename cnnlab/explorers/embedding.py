"""The embedding explorer: the codes of a layer on a map of pictures, by t-SNE or PCA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.codes import PIXELS, embed, precision_at_k
from cnnlab.explorers import picture_map
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, last_but_one, offer_layers
from cnnlab.explorers.cloud import Cloud
from cnnlab.explorers.code_book import captions, collected_codes, facts, layers_with_codes, steps_of
from cnnlab.explorers.collection import Collection, Floats, first_pictures
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.growth import Growth, told
from cnnlab.explorers.parts import names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.figures.neighbourhoods import picture_map_figure
from cnnlab.networks.tasks import digits

DIGITS = "handwritten digits"
NOTHING = "nothing"
DIGIT_COUNT = 300


class EmbeddingExplorer(Explorer):
    """How do the pictures lie in the space of a layer? Its codes on a map, drawn with the pictures themselves.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures
        What is mapped: a data set, `cnnlab.photographs`, or the path of a folder of photographs. None takes crops of photographs for an
        ImageNet network, else the validation split.
    layer
        The layer that is shown first; None takes the last but one.

    Controls
    --------
    data, folder
        The pictures, crops of photographs, a folder of your own (`DatasetPicker`), or scikit-learn's handwritten digits.
    layer, method, perplexity
        Whose codes, and how they are brought to two dimensions; what was computed once is kept.
    colour
        What colours the frames: the class, the scene, the main colour of the background, or nothing.
    thumbnails, on_grid, size
        Pictures or points; at their places, or each in a cell of its own; and how large.

    Example
    -------
    >>> explorer = EmbeddingExplorer("mini_alexnet", layer="fc7")
    >>> explorer.method.value, explorer.colour.value = "pca", "scene"
    """

    kinds = (*CLASSIFIERS, "digits", "random labels")
    title = "Map of pictures"
    question = "How do the pictures lie in the space of a layer?"

    def __init__(
        self, model: str | nn.Module = "mini_alexnet", pictures: Any = None, layer: str | None = None
    ):
        super().__init__(model)
        class_names = getattr(self.model, "class_names", ())
        others = {DIGITS: _digits}
        self.sets = DatasetPicker(
            pictures, class_names, self._new_pictures, self.fail, self.say, 300, others=others
        )
        self.data, self.folder = self.sets.data, self.sets.folder
        self.points: Tensor | None = None
        self._mapped: Collection | None = None
        self.precision = 0.0
        self._facts: dict[Collection, dict[str, list[str]]] = {}
        self._codes: dict[tuple, Tensor] = {}
        self._maps: dict[tuple, Tensor] = {}
        self._growth: Growth[Tensor | None] = Growth()
        self._known: nn.Module | None = None
        self._first = layer
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._map, self.layer, self.method, self.perplexity)
        self.watch(self._draw, self.colour, self.thumbnails, self.in_grid, self.size)

    @property
    def collection(self) -> Collection:
        """The pictures that are on the map."""
        return self.sets.fitting(self.side)

    def refresh(self) -> None:
        if self._known is not self.model:
            layers = layers_with_codes(self.model, self.side)
            offer_layers(self.layer, layers, asked=self._first, otherwise=last_but_one(layers))
            self._first = None
            self._known = self.model
        self._new_data()

    def code(self) -> str:
        return picture_map.code(
            self.load_line,
            pictures=self.collection.code(self.side),
            layer=self.layer.value,
            method=self.method.value,
            perplexity=self.perplexity.value,
        )

    def describe(self) -> str:
        how = "PCA" if self.method.value == "pca" else f"t-SNE of perplexity {self.perplexity.value}"
        return (
            f"Map of {len(self.collection)} {self.sets.name}: {self.called}, layer {self.layer.value}, by {how}."
            " Run the cell to choose other layers, point at pictures and colour them."
        )

    def still(self) -> bytes:
        images = F.interpolate(self.collection.floats(), size=(picture_map.THUMB,) * 2, mode="area")
        figure = picture_map_figure(self.points, images, grid=self.in_grid.value, size=8.0)
        figure.suptitle(f"{self.title}: {self.layer.value}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.method = widgets.Dropdown(options=[("t-SNE", "tsne"), ("PCA", "pca")], description="Method")
        most = min(100, len(self.collection) - 1)
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
                "Codes": [*self.sets.rows, self.layer],
                "Map": [self.method, self.perplexity],
                "Look": [self.colour, self.thumbnails, self.in_grid, self.size],
            },
            stage=[self.cloud],
            result=[],
            names=[
                *self.sets.names,
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

    def _new_pictures(self) -> None:
        self.attempt(self._new_data)

    def _new_data(self) -> None:
        pictures = self.collection
        if pictures not in self._facts:
            self._facts[pictures] = facts(pictures)
        known = self._facts[pictures]
        with self.quiet():
            self.perplexity.max = min(100, len(pictures) - 1)
            before = self.colour.value
            self.colour.options = [*known, NOTHING]
            self.colour.value = before if before in known else "class"
        self.cloud.tiles = picture_tiles(picture_map.thumbnails(pictures.floats()))
        self.cloud.captions = captions(pictures, known)
        self._map()

    @property
    def _key(self) -> tuple:
        perplexity = self.perplexity.value if self.method.value == "tsne" else None
        return self.model, self.collection, self.layer.value, self.method.value, perplexity

    def _map(self) -> None:
        self._growth.stop()
        key = self._key
        if key in self._maps:
            self._shown(self._maps[key])
        elif self.points is None and not self.is_large:  # at once, so that there is something to see
            for points in self._steps(key):
                found = points
            self._shown(found)
        else:
            if self._mapped is not self.collection:
                self._draw_pixels()
            self._say_waiting()
            self._growth.start(self._steps(key), self._step, self.after(lambda: None))

    def _draw_pixels(self) -> None:
        """Until the codes are there: the pictures by their own pixels, made small."""
        small = F.interpolate(self.collection.floats(), size=(16, 16), mode="area")
        self.points, self._mapped = embed(small.flatten(1), "pca"), self.collection
        self._draw()
        self.cloud.label = f"{self.sets.name}, by their pixels until the map is made"

    def _say_waiting(self, share: str = "") -> None:
        count = len(self.collection)
        self.say(f"{self.called} looks at {count} {self.sets.name}; then the map is made ... {share}")

    def _steps(self, key: tuple) -> Iterator[Tensor | None]:
        """Codes in short steps, and at last the map."""
        model, data, layer, method, perplexity = key
        if (model, data, layer) not in self._codes:
            images = Floats(data, self.side)
            steps = collected_codes(model, images, list(dict.fromkeys((PIXELS, layer))))
            for codes in told(steps, steps_of(images), self._say_waiting):
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
        self.points, self._mapped = points, self.collection
        codes = self._codes[self._key[:3]]
        self.precision = precision_at_k(codes, self.collection.labels, 5).rate
        self.cloud.selected = -1
        self._draw()
        self.say(
            f"{self.called}, {self.layer.value}: of the 5 nearest codes (not points) {self.precision:.0%} show the same"
            " class, on average."
        )

    def _draw(self) -> None:
        known = self._facts[self.collection].get(self.colour.value)
        colours, legend = [""] * len(self.collection), []
        if known is not None:
            names = list(self.collection.class_names) if self.colour.value == "class" else sorted(set(known))
            colours, legend = picture_map.shades(known, names)
        with self.cloud.hold_sync():
            self.cloud.points = picture_map.places(self.points, self.in_grid.value)
            self.cloud.colours, self.cloud.legend = colours, legend
            self.cloud.pictures, self.cloud.size = self.thumbnails.value, self.size.value
            self.cloud.label = f"{self.sets.name}, {self.layer.value}"


def _digits() -> Collection:
    pictures = first_pictures(digits("train"), DIGIT_COUNT)
    return replace(pictures, expression=f'digits("train").images[:{DIGIT_COUNT}]')
