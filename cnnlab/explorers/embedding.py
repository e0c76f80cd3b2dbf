"""Embedding explorer: the features of a layer in two dimensions, by t-SNE or PCA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.explorers.activation_store import Floats, ImageSet, first_images
from cnnlab.explorers.background import BackgroundSteps, told
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, last_but_one, offer_layers
from cnnlab.explorers.common import names_for
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.embedding_scatter import EmbeddingScatter
from cnnlab.explorers.image_grid import image_tiles
from cnnlab.explorers.layer_features import (
    captions,
    collect_features,
    image_metadata,
    layers_with_features,
    steps_of,
)
from cnnlab.explorers.render import embedding
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import figure_png
from cnnlab.features import PIXELS, embed, precision_at_k
from cnnlab.figures.nearest_neighbours import picture_map_figure
from cnnlab.networks.training_data import digits

DIGITS = "handwritten digits"
NO_COLOUR = "nothing"
DIGIT_COUNT = 300


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

    Controls
    --------
    data, folder
        The pictures, crops of photographs, a folder of your own (`DatasetPicker`), or scikit-learn's handwritten digits.
    layer, method, perplexity
        The layer, and the method that reduces its features to two dimensions; results are cached.
    colour
        The colour of the frames: by class, by scene, by the main colour of the background, or none.
    thumbnails, on_grid, size
        Pictures or points; at their positions, or each in its own grid cell; and their size.

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
            pictures, class_names, self._new_pictures, self.fail, self.set_status, 300, others=others
        )
        self.data, self.folder = self.sets.data, self.sets.folder
        self.points: Tensor | None = None
        self._mapped: ImageSet | None = None
        self.precision = 0.0
        self._metadata: dict[ImageSet, dict[str, list[str]]] = {}
        self._features: dict[tuple, Tensor] = {}
        self._embeddings: dict[tuple, Tensor] = {}
        self._background: BackgroundSteps[Tensor | None] = BackgroundSteps()
        self._model_shown: nn.Module | None = None
        self._initial_layer = layer
        self._make_controls()
        self._lay_out()
        self.show()
        self.on_change(self._embed, self.layer, self.method, self.perplexity)
        self.on_change(self._draw, self.colour, self.thumbnails, self.on_grid, self.size)

    @property
    def image_set(self) -> ImageSet:
        """The pictures of the embedding."""
        return self.sets.fitting(self.side)

    def refresh(self) -> None:
        if self._model_shown is not self.model:
            layers = layers_with_features(self.model, self.side)
            offer_layers(self.layer, layers, asked=self._initial_layer, otherwise=last_but_one(layers))
            self._initial_layer = None
            self._model_shown = self.model
        self._new_data()

    def code(self) -> str:
        return embedding.code(
            self.load_line,
            pictures=self.image_set.code(self.side),
            layer=self.layer.value,
            method=self.method.value,
            perplexity=self.perplexity.value,
        )

    def describe(self) -> str:
        method = "PCA" if self.method.value == "pca" else f"t-SNE of perplexity {self.perplexity.value}"
        return (
            f"Map of {len(self.image_set)} {self.sets.name}: {self.display_name}, layer {self.layer.value}, by {method}."
            " Run the cell to choose other layers, point at pictures and colour them."
        )

    def static_preview(self) -> bytes:
        images = F.interpolate(self.image_set.as_floats(), size=(embedding.THUMBNAIL_SIZE,) * 2, mode="area")
        figure = picture_map_figure(self.points, images, grid=self.on_grid.value, size=8.0)
        figure.suptitle(f"{self.title}: {self.layer.value}", fontsize=11, x=0.01, ha="left")
        return figure_png(figure)

    # Building the widget.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.method = widgets.Dropdown(options=[("t-SNE", "tsne"), ("PCA", "pca")], description="Method")
        max_perplexity = min(100, len(self.image_set) - 1)
        self.perplexity = widgets.IntSlider(
            min(30, max_perplexity),
            min=2,
            max=max_perplexity,
            description="Perplex.",
            continuous_update=False,
        )
        self.colour = widgets.Dropdown(options=[NO_COLOUR], description="Colour")
        self.thumbnails = widgets.Checkbox(True, description="show the pictures", indent=False)
        self.on_grid = widgets.Checkbox(False, description="in a grid, apart", indent=False)
        self.size = widgets.IntSlider(28, min=10, max=64, description="Size")
        self.scatter = EmbeddingScatter()

    def _lay_out(self) -> None:
        self.layout(
            {
                "Picture": [],
                "Codes": [*self.sets.rows, self.layer],
                "Map": [self.method, self.perplexity],
                "Look": [self.colour, self.thumbnails, self.on_grid, self.size],
            },
            centre=[self.scatter],
            result=[],
            accessible_names=[
                *self.sets.names,
                *names_for(self.layer, "layer", "Layer whose codes are mapped"),
                *names_for(self.method, "method", "How codes are brought to two dimensions"),
                *names_for(self.perplexity, "perplexity", "Perplexity of t-SNE"),
                *names_for(self.colour, "colour", "What colours the frames"),
                *names_for(self.thumbnails, "thumbnails", "Show the pictures instead of points"),
                *names_for(self.on_grid, "in-grid", "Put the pictures in a grid"),
                *names_for(self.size, "size", "Size of the pictures on the map"),
            ],
        )
        self.widget.add_class("cnnlab-wide")

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
        self._background.stop()
        key = self._key
        if key in self._embeddings:
            self._show_points(self._embeddings[key])
        elif self.points is None and not self.is_large:  # at once, so that there is a result to show
            for points in self._steps(key):
                result = points
            self._show_points(result)
        else:
            if self._mapped is not self.image_set:
                self._draw_pixels()
            self._say_waiting()
            self._background.start(self._steps(key), self._step, self.on_done(lambda: None))

    def _draw_pixels(self) -> None:
        """Show the embedding of the shrunken pixels until the features are there."""
        small = F.interpolate(self.image_set.as_floats(), size=(16, 16), mode="area")
        self.points, self._mapped = embed(small.flatten(1), "pca"), self.image_set
        self._draw()
        self.scatter.label = f"{self.sets.name}, by their pixels until the map is made"

    def _say_waiting(self, share: str = "") -> None:
        count = len(self.image_set)
        self.set_status(
            f"{self.display_name} looks at {count} {self.sets.name}; then the map is made ... {share}"
        )

    def _steps(self, key: tuple) -> Iterator[Tensor | None]:
        """Compute the features in short steps, and the embedding last."""
        model, data, layer, method, perplexity = key
        if (model, data, layer) not in self._features:
            images = Floats(data, self.side)
            steps = collect_features(model, images, list(dict.fromkeys((PIXELS, layer))))
            for codes in told(steps, steps_of(images), self._say_waiting):
                if codes:
                    self._features[model, data, layer] = codes[layer]
                yield None
        vectors = self._features[model, data, layer]
        self._embeddings[key] = embed(vectors, method, perplexity=perplexity or 30)
        yield self._embeddings[key]

    def _step(self, points: Tensor | None) -> None:
        if points is not None:
            self._show_points(points)
            self._code.code = self.code()

    def _show_points(self, points: Tensor) -> None:
        self.points, self._mapped = points, self.image_set
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
        with self.scatter.hold_sync():
            self.scatter.points = embedding.positions(self.points, self.on_grid.value)
            self.scatter.colours, self.scatter.legend = colours, legend
            self.scatter.show_thumbnails, self.scatter.size = self.thumbnails.value, self.size.value
            self.scatter.label = f"{self.sets.name}, {self.layer.value}"


def _digits() -> ImageSet:
    pictures = first_images(digits("train"), DIGIT_COUNT)
    return replace(pictures, expression=f'digits("train").images[:{DIGIT_COUNT}]')
