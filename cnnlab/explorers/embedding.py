"""The embedding explorer: the codes of a layer on a map of pictures, by t-SNE or PCA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.colors import to_hex
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.codes import PIXELS, embed, grid_assignment, precision_at_k
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.cloud import Cloud
from cnnlab.explorers.code_book import collected_codes, facts, layers_with_codes
from cnnlab.explorers.collection import Collection, first_pictures
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.parts import names_for
from cnnlab.explorers.sheet import picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.figures.colours import class_colours
from cnnlab.figures.neighbourhoods import picture_map_figure
from cnnlab.networks.tasks import digits

THUMB = 64
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
            wanted, self._first = self._first or self.layer.value, None
            if wanted and wanted not in layers and self._known is None:
                raise ValueError(f'layer "{wanted}" is not offered; choose one of: {", ".join(layers)}.')
            self.layer.options = layers
            self.layer.value = wanted if wanted in layers else layers[max(0, len(layers) - 2)]
            self._known = self.model
        self._new_data()

    def code(self) -> str:
        layer, count = self.layer.value, len(self.collection)
        lines = ["import cnnlab", "from cnnlab import codes, world", "", self.load_line]
        if self.data.value == DIGITS:
            lines += [
                "from cnnlab.networks.tasks import digits",
                "from torch.nn import functional as F",
                f'images = digits("train").images[:{count}] / 255',
                f'images = F.interpolate(images, size=({self.side}, {self.side}), mode="bilinear", antialias=True).clamp(0, 1)',
            ]
        else:
            lines += [f'images = world.dataset("validation").images[:{count}] / 255']
        lines += [f'vectors = codes.features(model, images, "{layer}")']
        options = f", perplexity={self.perplexity.value}" if self.method.value == "tsne" else ""
        return "\n".join([*lines, f'points = codes.embed(vectors, "{self.method.value}"{options})'])

    def describe(self) -> str:
        how = "PCA" if self.method.value == "pca" else f"t-SNE of perplexity {self.perplexity.value}"
        return (
            f"Map of {len(self.collection)} {self.data.value}: {self.called}, layer {self.layer.value}, by {how}."
            " Run the cell to choose other layers, point at pictures and colour them."
        )

    def still(self) -> bytes:
        images = F.interpolate(self.collection.floats(), size=(THUMB, THUMB), mode="area")
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
        images = self.collection.floats()
        if images.shape[-1] > THUMB:
            images = F.interpolate(images, size=(THUMB, THUMB), mode="bilinear", antialias=True).clamp(0, 1)
        known = self._facts[name]
        with self.quiet():
            before = self.colour.value
            self.colour.options = [*known, NOTHING]
            self.colour.value = before if before in known else "class"
        self.cloud.tiles = picture_tiles(images)
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
            self._growth.start(self._steps(key), self._step, self._finished)

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

    def _finished(self, error: Exception | None) -> None:
        if error is not None:
            self.fail(error)

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
            shades = [to_hex(shade) for shade in class_colours(np.arange(len(names)))]
            colours = [shades[names.index(name)] for name in known]
            legend = [[name, shade] for name, shade in zip(names, shades, strict=True)]
        with self.cloud.hold_sync():
            self.cloud.points = _places(self.points, self.in_grid.value)
            self.cloud.colours, self.cloud.legend = colours, legend
            self.cloud.pictures, self.cloud.size = self.thumbnails.value, self.size.value
            self.cloud.label = f"{self.data.value}, {self.layer.value}"


def _places(points: Tensor, in_grid: bool) -> list[list[float]]:
    """[across, down] in 0 ... 1, with one scale for both axes; or the cells of a grid."""
    if in_grid:
        cells = grid_assignment(points).float()
        spread = cells[:, [1, 0]] / cells.amax().clamp(min=1)
    else:
        low, high = points.amin(0), points.amax(0)
        spread = (points - (low + high) / 2) / (high - low).amax().clamp(min=1e-9) + 0.5
        spread = torch.stack([spread[:, 0], 1 - spread[:, 1]], 1)
    return [[round(v, 4) for v in place] for place in spread.tolist()]
