"""Embedding explorer: the features of a layer in two dimensions, by t-SNE or PCA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import anywidget
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F
from traitlets import Bool, Dict, Int, List, Unicode

from cnnlab.explorers.activation_store import Floats, ImageSet, first_images
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, last_but_one, offer_layers
from cnnlab.explorers.common import read_script, read_source
from cnnlab.explorers.controls import checkbox, choice, search, slider, slow_slider
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.image_grid import image_tiles
from cnnlab.explorers.layer_features import (
    captions,
    collect_features,
    image_metadata,
    layers_with_features,
    steps_of,
)
from cnnlab.explorers.render import embedding
from cnnlab.features import PIXELS, embed, precision_at_k
from cnnlab.figures.nearest_neighbours import picture_map_figure
from cnnlab.networks.training_data import digits

DIGITS = "handwritten digits"
NO_COLOUR = "nothing"
DIGIT_COUNT = 300


class EmbeddingScatter(anywidget.AnyWidget):
    """Scatter plot of pictures.

    Traits
    ------
    tiles
        The pictures, as `cnnlab.explorers.image_grid.image_tiles` gives them.
    points
        [across, down] of each, in [0, 1].
    colours, legend
        "#rrggbb" of each point, empty for none; and the [name, colour] entries of the legend.
    captions
        A line for each picture, shown when the pointer is on it or it is chosen.
    show_thumbnails, size
        Whether pictures or dots are drawn, and the side of a picture in CSS pixels.
    selected
        The chosen picture, -1 for none; the browser writes it, the kernel may write it too.
    label
        Accessible name of the plot.
    """

    _esm = read_script("embedding_scatter.js")
    # Its canvas and texts are styled like an `ImageGrid`, and an explorer may show it without one.
    _css = read_source("image_grid.css", "embedding_scatter.css")

    tiles = Dict().tag(sync=True)
    points = List().tag(sync=True)
    colours = List(Unicode()).tag(sync=True)
    legend = List().tag(sync=True)
    captions = List(Unicode()).tag(sync=True)
    show_thumbnails = Bool(True).tag(sync=True)
    size = Int(24).tag(sync=True)
    selected = Int(-1).tag(sync=True)
    label = Unicode("Map of pictures").tag(sync=True)


class EmbeddingExplorer(Explorer):
    """Embedding explorer: the features of a layer in two dimensions, drawn as pictures. Which pictures lie close together?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures
        The pictures to embed: a data set, `cnnlab.photographs`, or the path of a folder of photographs. None takes crops of photographs for
        an ImageNet network, else the validation split.
    layer
        The first layer to show; None takes the last but one.

    Example
    -------
    >>> explorer = EmbeddingExplorer("mini_alexnet", layer="fc7")
    >>> explorer.method.value, explorer.colour.value = "pca", "scene"
    """

    name = "Embedding explorer"
    title = "Map of pictures"
    question = "How do the pictures lie in the space of a layer?"
    invitation = "choose other layers, point at pictures and colour them"
    pickers = ("network",)
    kinds = (*CLASSIFIERS, "digits", "random labels")
    wide = True

    def __init__(
        self, model: str | nn.Module = "mini_alexnet", pictures: Any = None, layer: str | None = None
    ):
        super().__init__(model)
        class_names = getattr(self.model, "class_names", ())
        callbacks = self._new_pictures, self.fail, self.say
        self.sets = DatasetPicker(pictures, class_names, *callbacks, 300, others={DIGITS: _digits})
        self.points: Tensor | None = None
        self._mapped: ImageSet | None = None
        self.precision = 0.0
        self._metadata: dict[ImageSet, dict[str, list[str]]] = {}
        self._features: dict[tuple, Tensor] = {}
        self._embeddings: dict[tuple, Tensor] = {}
        self.scatter = EmbeddingScatter()
        max_perplexity = min(100, len(self.image_set) - 1)
        methods = [("t-SNE", "tsne"), ("PCA", "pca")]
        self.layout(
            {
                "Codes": {
                    **self.sets.controls,
                    "layer": search("Layer", asked=layer, name="Layer whose codes are mapped"),
                },
                "Map": {
                    "method": choice("Method", methods, name="How codes are brought to two dimensions"),
                    "perplexity": slow_slider(
                        "Perplex.", min(30, max_perplexity), 2, max_perplexity, name="Perplexity of t-SNE"
                    ),
                },
                "Look": {
                    "colour": choice("Colour", [NO_COLOUR], name="What colours the frames"),
                    "thumbnails": checkbox(
                        "show the pictures", True, name="Show the pictures instead of points"
                    ),
                    "on_grid": checkbox("in a grid, apart", name="Put the pictures in a grid"),
                    "size": slider("Size", 28, 10, 64, name="Size of the pictures on the map"),
                },
            },
            centre=[self.scatter],
        )
        self.show()
        self.on_change(self._embed, self.layer, self.method, self.perplexity)
        self.on_change(self._draw, self.colour, self.thumbnails, self.on_grid, self.size)

    @property
    def image_set(self) -> ImageSet:
        """The pictures of the embedding."""
        return self.sets.fitting(self.model, self.side)

    def refresh(self) -> None:
        if self.is_new_network():
            layers = layers_with_features(self.model, self.side)
            offer_layers(self.layer, layers, otherwise=last_but_one(layers))
        self._new_data()

    def looks_at(self) -> tuple[int, int]:
        return len(self.image_set), len(self.sets.collection)

    def code(self) -> str:
        pictures, method = self.image_set.code(self.side), self.method.value
        return embedding.code(self.load_line, pictures, self.layer.value, method, self.perplexity.value)

    def summary(self) -> str:
        method = "PCA" if self.method.value == "pca" else f"t-SNE of perplexity {self.perplexity.value}"
        return f"Map of {len(self.image_set)} {self.sets.name}: {self.display_name}, layer {self.layer.value}, by {method}."

    def preview_title(self) -> str:
        return f"{self.title}: {self.layer.value}"

    def preview(self) -> Figure:
        images = F.interpolate(self.image_set.as_floats(), size=(embedding.THUMBNAIL_SIZE,) * 2, mode="area")
        return picture_map_figure(self.points, images, grid=self.on_grid.value, size=8.0)

    # Callbacks of the controls.

    def _new_pictures(self) -> None:
        self.run_safely(self._new_data)

    def _new_data(self) -> None:
        pictures = self.image_set
        if pictures not in self._metadata:
            self._metadata[pictures] = image_metadata(pictures)
        metadata = self._metadata[pictures]
        with self.hold_callbacks():
            self.perplexity.max = min(100, len(pictures) - 1)
            before = self.colour.value
            self.colour.options = [*metadata, NO_COLOUR]
            self.colour.value = before if before in metadata else "class"
        self.scatter.tiles = image_tiles(embedding.thumbnails(pictures.as_floats()))
        self.scatter.captions = captions(pictures, metadata)
        self._embed()

    @property
    def _key(self) -> tuple:
        perplexity = self.perplexity.value if self.method.value == "tsne" else None
        return self.model, self.image_set, self.layer.value, self.method.value, perplexity

    def _embed(self) -> None:
        self.background.stop()
        self.perplexity.disabled = self.method.value != "tsne"
        key = self._key
        if key in self._embeddings:
            self._show_points()
            return
        n_steps = steps_of(Floats(self.image_set, self.side))
        self.in_background(self._steps(key), done=self._show_points, total=n_steps, at_once=self.at_once)
        if self._mapped is not self.image_set:
            self._draw_pixels()

    def _draw_pixels(self) -> None:
        """Show the embedding of the shrunken pixels until the features are there."""
        small = F.interpolate(self.image_set.as_floats(), size=(16, 16), mode="area")
        self.points, self._mapped = embed(small.flatten(1), "pca"), self.image_set
        self._draw()
        self.scatter.label = f"{self.sets.name}, by their pixels until the map is made"

    def waiting_for(self) -> str:
        count = len(self.image_set)
        return f"{self.display_name} looks at {count} {self.sets.name}; then the map is made"

    def _steps(self, key: tuple) -> Iterator[None]:
        """Compute the features in short steps, and the embedding last."""
        model, data, layer, method, perplexity = key
        if (model, data, layer) not in self._features:
            for codes in collect_features(model, Floats(data, self.side), [PIXELS, layer]):
                if codes:
                    self._features[model, data, layer] = codes[layer]
                yield None
        vectors = self._features[model, data, layer]
        self._embeddings[key] = embed(vectors, method, perplexity=perplexity or 30)

    def _show_points(self) -> None:
        self.points, self._mapped = self._embeddings[self._key], self.image_set
        codes = self._features[self._key[:3]]
        k = min(5, len(codes) - 1)
        self.precision = precision_at_k(codes, self.image_set.labels, k).rate
        self.scatter.selected = -1
        self._draw()
        self.set_status(
            f"{self.display_name}, {self.layer.value}: of the {k} nearest codes (not points) {self.precision:.0%} show the same"
            " class, on average."
        )

    def _draw(self) -> None:
        labels = self._metadata[self.image_set].get(self.colour.value)
        colours, legend = [""] * len(self.image_set), []
        if labels is not None:
            names = list(self.image_set.class_names) if self.colour.value == "class" else sorted(set(labels))
            colours, legend = embedding.point_colours(labels, names)
        self.size.disabled = not self.thumbnails.value
        with self.scatter.hold_sync():
            self.scatter.points = embedding.positions(self.points, self.on_grid.value)
            self.scatter.colours, self.scatter.legend = colours, legend
            self.scatter.show_thumbnails, self.scatter.size = self.thumbnails.value, self.size.value
            self.scatter.label = f"{self.sets.name}, {self.layer.value}"


def _digits() -> ImageSet:
    pictures = first_images(digits("train"), DIGIT_COUNT)
    return replace(pictures, expression=f'networks.digits("train").images[:{DIGIT_COUNT}]')
