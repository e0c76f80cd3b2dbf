"""Activation explorer: the maps of a layer, one of them enlarged, and the strongest patches of its unit."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.activation_store import ActivationSearch, ImageSet, LayerActivations, first_images
from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.controls import choice, heading, link_opacity, search, slider
from cnnlab.explorers.dataset_picker import usual_pictures
from cnnlab.explorers.image_bytes import to_array
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, map_tiles, tile_box
from cnnlab.explorers.render.activations import (
    PER_LAYER,
    PER_MAP,
    code,
    grid_maps,
    initial_position,
    is_whole,
    layer_maps,
    layers_with_units,
    overlay_tiles,
    patch_captions,
    patch_images,
    preview_figure,
    value_range,
)
from cnnlab.networks import ReceptiveField

PATCHES = "Strongest patches"
"""What the patches are called while there are none."""


class ActivationExplorer(Explorer):
    """Activation explorer: the maps of a layer, and a unit's value, receptive field and strongest patches. What do the units respond to?

    A click on a map of the grid sets `channel`, one in the enlarged map `position`. One range of colours for the whole layer shows which
    units are inactive.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    layer, channel
        The first layer and channel to show. Default: the last ReLU or block with maps, and its first channel;
        for a large network, whose units are mostly inactive, the most active channel.
    pictures
        The data set of which the first pictures are searched for strong patches. None takes crops of photographs for a network with
        ImageNet's classes, else the validation split of the rendered world.

    Example
    -------
    >>> explorer = ActivationExplorer("mini_alexnet", picture=7, layer="relu5")
    >>> explorer.channel.value, explorer.position = 17, (5, 6)
    """

    name = "Activation explorer"
    title = "Activations"
    question = "Which units of a layer respond to this picture, and where?"
    invitation = "choose layers, maps and places"
    kinds = (*CLASSIFIERS, "random labels")

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        layer: str | None = None,
        channel: int | None = None,
        pictures: Any = None,
    ):
        super().__init__(model, picture)
        self._given = None if pictures is None else first_images(pictures)
        self.image_set = self._all_pictures
        self.search = ActivationSearch(self.image_set, self._activations_updated, self.fail)
        self.maps: dict[str, Tensor] = {}
        self._relative_position: tuple[float, float] | None = None
        self._receptive_fields: dict[str, ReceptiveField | None] = {}
        self._initial_channel = channel
        self.image_view = ImageGrid(columns=1, max_tile_size=440, smooth=True, opacity=0.6)
        self.map = ImageGrid(columns=1, max_tile_size=250, pick="pixel", label="One map")
        self.grid = ImageGrid(columns=6, max_tile_size=64, label="All maps")
        self.patch_grid = ImageGrid(columns=6, max_tile_size=110, label=PATCHES)
        colours = [("grey", "gray"), ("viridis", "viridis")]
        self.layout(
            {
                "Unit": {
                    "layer": search("Layer", asked=layer, name="Layer"),
                    "channel": slider("Map", 0, 0, 0, name="Channel of the layer"),
                },
                "Maps": {
                    "colormap": choice("Colours", colours, name="Colours of the maps"),
                    "scale": choice("Range", (PER_MAP, PER_LAYER), name="Range of the colours"),
                    "opacity": slider("Opacity", 0.6, 0, 1, 0.05, name="Opacity of the map over the picture"),
                },
                "Strongest patches": {
                    "n_patches": slider("Patches", 9, 1, 24, name="How many strongest patches are shown"),
                    "stop_button": self.search.stop_button,
                },
            },
            centre=[self.image_view, heading("Over the data set"), self.patch_grid],
            result=[heading("One map"), self.map, heading("All maps of the layer"), self.grid],
        )
        link_opacity(self.opacity, self.image_view)
        self.show()
        self.on_change(self._new_layer, self.layer)
        self.on_change(self._new_channel, self.channel)
        self.on_change(self._draw_grid, self.colormap, self.scale)
        self.on_change(self._show_patches, self.n_patches)
        self.on_change(self._choose_channel, self.grid, name="selected")
        self.on_change(self._show_position, self.map, name="point")

    @property
    def current_maps(self) -> Tensor:
        """All maps of the layer for this picture, U x h x w."""
        layer = self.layer.value
        if layer not in self.maps:
            self.maps |= layer_maps(self.model, self.image, [layer])
        return self.maps[layer]

    @property
    def position(self) -> tuple[int, int]:
        """(row, column) in the map; may be set."""
        return tuple(self.map.point[1:])

    @position.setter
    def position(self, place: tuple[int, int]) -> None:
        self.map.point = [0, *place]

    @property
    def value(self) -> float:
        """The activation of the channel at the position."""
        return float(self.current_maps[self.channel.value][self.position])

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """(top, left, bottom, right) of the receptive field of the position, in the network's pixels; None where it is not known."""
        field = self._receptive_fields[self.layer.value]
        return None if field is None else field.box(*self.position)

    def refresh(self) -> None:
        self.maps = {}
        if self.is_new_network():
            self._new_network()
        self.image_view.tiles = image_tiles(self.image_picker.source.image(DISPLAY_SIZE)[None])
        self.image_view.label = self.image_picker.source.description
        self._new_layer()

    def looks_at(self) -> tuple[int, int]:
        return len(self.image_set), len(self._all_pictures)

    def code(self) -> str:
        position = self.position if self._has_positions else None
        unit = self.layer.value, self.channel.value, position
        picture, pictures = self.image_picker.source.code(self.side), self.image_set.code(self.side)
        return code(self.load_line, picture, *unit, self.side, pictures, self.n_patches.value)

    def summary(self) -> str:
        count, height, width = self.current_maps.shape
        return (
            f"{self.display_name} looks at a picture ({self.image_picker.source.description}); layer"
            f" {self.layer.value} has {count} maps of {height} x {width}, of which number {self.channel.value} is enlarged."
        )

    def preview(self) -> Figure:
        picture = to_array(self.image_picker.source.image(DISPLAY_SIZE))
        unit = self.channel.value, self.position, self.layer.value
        return preview_figure(picture, self.box, self.side, self.current_maps, *unit)

    @property
    def _all_pictures(self) -> ImageSet:
        """Those that were given, or the usual ones for a network with these classes."""
        return self._given or usual_pictures(getattr(self.model, "class_names", ()))

    # Callbacks of the controls.

    @property
    def _has_positions(self) -> bool:
        return self.current_maps.shape[1:] != (1, 1)

    def _new_network(self) -> None:
        self._receptive_fields, last = layers_with_units(self.model, self.side)
        channel, self._initial_channel = self._initial_channel, None
        offer_layers(self.layer, list(self._receptive_fields), otherwise=last)
        self.image_set = self.search.pictures = self._all_pictures.fitting(self.model, self.side)
        if channel is None:
            channel = int(self.current_maps.amax((1, 2)).argmax()) if self.is_large else 0
        self.channel.max = max(self.channel.max, channel)
        self.channel.value = channel

    def _new_layer(self) -> None:
        with self.hold_callbacks():
            self.channel.max = len(self.current_maps) - 1  # the slider clips a value beyond it
            position = initial_position(self.current_maps[self.channel.value], self._relative_position)
            self.map.point = [0, *position]
        self._draw_grid()
        self.search.search(self.model, self.layer.value, self.side, **self.beginning())

    def _new_channel(self) -> None:
        with self.hold_callbacks():
            self.grid.selected = self.channel.value
        self._show_map()
        self._show_patches()

    def _choose_channel(self) -> None:
        if self.grid.selected >= 0:
            self.channel.value = self.grid.selected

    def _draw_grid(self) -> None:
        maps = grid_maps(self.current_maps, self.scale.value)
        count, rows, columns = self.current_maps.shape
        with self.grid.hold_sync():
            self.grid.tiles = map_tiles(maps, self.colormap.value, *value_range(maps))
            peaks = self.current_maps.amax((1, 2)).tolist()
            self.grid.captions = [f"channel {i}, at most {peak:.2f}" for i, peak in enumerate(peaks)]
            self.grid.label = f"{self.layer.value}: {count} maps of {rows} x {columns}"
        self._new_channel()

    def _show_map(self) -> None:
        unit_map = self.current_maps[self.channel.value]
        low, high = value_range(self.current_maps if self.scale.value == PER_LAYER else unit_map)
        self.map.tiles = map_tiles(unit_map[None], self.colormap.value, low, high)
        self.map.label = f"{self.layer.value}, channel {self.channel.value}; from {low:.2f} to {high:.2f}"
        self.image_view.overlay = overlay_tiles(unit_map, DISPLAY_SIZE // 2) if self._has_positions else {}
        self._show_position()

    def _show_position(self) -> None:
        (row, column), (_, rows, columns) = self.position, self.current_maps.shape
        if not (0 <= row < rows and 0 <= column < columns):
            with self.hold_callbacks():
                self.map.point = [0, min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)]
            raise ValueError(f"the map has {rows} x {columns} places, so there is no ({row}, {column}).")
        if rows > 1 and columns > 1:
            self._relative_position = row / (rows - 1), column / (columns - 1)
        self.map.readout = f"row {row}, column {column}: {self.value:.3f}"
        self.image_view.readout = field_text = self._field_text()
        self.image_view.boxes = []
        if self.box is not None and not is_whole(self.box, self.side):
            self.image_view.boxes = [tile_box(0, [value * DISPLAY_SIZE / self.side for value in self.box])]
        where = f"{self.layer.value}, channel {self.channel.value} at row {row}, column {column}"
        self.set_status(f"{self.display_name}, {where}: {self.value:.3f}; {field_text}.")

    def _field_text(self) -> str:
        if self.box is None:
            return "what it sees is not known"
        if is_whole(self.box, self.side):
            return "it sees the whole picture"
        top, left, bottom, right = self.box
        return f"it sees rows {top} to {bottom - 1}, columns {left} to {right - 1}"

    def _activations_updated(self, activations: LayerActivations, last: bool) -> None:
        if last or self.is_due(len(activations.maps)):
            self._show_patches()

    def _show_patches(self) -> None:
        """Show the strongest patches among the pictures searched so far."""
        activations = self.search.activations
        if activations is None or activations.layer != self.layer.value:
            self.patch_grid.tiles, self.patch_grid.captions, self.patch_grid.label = {}, [], PATCHES
            return
        best = activations.strongest(self.channel.value, self.n_patches.value)
        images = self.image_set.as_floats(self.side, best.picture[0])
        with self.patch_grid.hold_sync():
            self.patch_grid.tiles = image_tiles(patch_images(images, best, activations.field))
            self.patch_grid.captions = patch_captions(best, self.image_set)
            self.patch_grid.label = (
                f"what excites channel {self.channel.value} most in {len(activations.maps)} pictures"
            )
