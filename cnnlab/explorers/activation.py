"""The activation explorer: all maps of a layer as grey pictures, one of them enlarged, and what excites its unit elsewhere."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
from torch import Tensor, nn

from cnnlab.explorers.base import EYE, Explorer
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.collection import Collection, LayerMaps, Search, first_pictures
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.patch_tiles import patch_captions, patch_pictures
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Sheet, map_tiles, outline, picture_tiles
from cnnlab.explorers.unit_maps import (
    EACH,
    LAYER,
    all_maps,
    code_of_maps,
    grid_maps,
    laid_over,
    layers_with_units,
    place_to_begin,
    seen_in_words,
    still_of_maps,
    value_range,
)
from cnnlab.networks import ReceptiveField


class ActivationExplorer(Explorer):
    """What do the units of a layer answer to a picture? Its maps, the value at a place, what that place sees, and what excites it most.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    layer, channel
        What is shown first; without a layer the last one whose units have places and a ReLU behind them, without a channel the first,
        or of a large network, whose units are mostly silent, the one that answers most.
    pictures
        The data set that is searched for strong patches: its first pictures. None takes the validation split.

    Controls
    --------
    layer, channel
        Which map; a click on a map of the grid chooses it too.
    colormap, scale
        Grey or coloured maps; the range of each map by itself, or one range for the whole layer, which shows who is silent.
    position
        (row, column) of the unit in the map: a click in the enlarged map; may be set.
    opacity
        Of the map over the picture.
    n_patches
        How many of the unit's strongest patches are shown.

    Example
    -------
    >>> explorer = ActivationExplorer("mini_alexnet", picture=7, layer="relu5")
    >>> explorer.channel.value, explorer.place = 17, (5, 6)
    """

    kinds = (*CLASSIFIERS, "random labels")
    title = "Activations"
    question = "What do the units of a layer answer to this picture?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        layer: str | None = None,
        channel: int | None = None,
        pictures: Any = None,
    ):
        super().__init__(model, picture)
        self._all_pictures = first_pictures(pictures)
        self.collection: Collection = self._all_pictures
        self.search = Search(self.collection, self._found_more, self.fail)
        self.maps: dict[str, Tensor] = {}
        self._share: tuple[float, float] | None = None
        self._fields: dict[str, ReceptiveField | None] = {}
        self._known: nn.Module | None = None
        self._first = (layer, channel)
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._new_layer, self.layer)
        self.watch(self._new_channel, self.channel)
        self.watch(self._draw_grid, self.colours, self.scale)
        self.watch(self._show_patches, self.patches)
        self.watch(self._choose_channel, self.grid, name="selected")
        self.watch(self._show_place, self.map, name="point")

    @property
    def here(self) -> Tensor:
        """All maps of the layer for this picture, U x h x w."""
        layer = self.layer.value
        if layer not in self.maps:
            self.maps |= all_maps(self.model, self.image, [layer])
        return self.maps[layer]

    @property
    def place(self) -> tuple[int, int]:
        """(row, column) of the unit in its map; may be set."""
        return tuple(self.map.point[1:])

    @place.setter
    def place(self, place: tuple[int, int]) -> None:
        self.map.point = [0, *place]

    @property
    def value(self) -> float:
        """The activation of the channel at the place."""
        return float(self.here[self.channel.value][self.place])

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """(top, left, bottom, right) of what the place sees, in the network's pixels; None where it is not known."""
        field = self._fields[self.layer.value]
        return None if field is None else field.box(*self.place)

    def refresh(self) -> None:
        self.maps = {}
        if self._known is not self.model:
            self._new_network()
        self.picture.tiles = picture_tiles(self.pictures.source.image(EYE)[None])
        self.picture.label = self.pictures.source.words
        self._new_layer()

    def code(self) -> str:
        picture, place = self.pictures.source.code(self.side), self.place if self._has_places else None
        unit = self.layer.value, self.channel.value, place
        count = len(self.collection)
        return code_of_maps(self.load_line, picture, *unit, self.side, count, self.patches.value)

    def describe(self) -> str:
        return (
            f"Activation explorer. {self.called} looks at a picture ({self.pictures.source.words}); layer"
            f" {self.layer.value} has {len(self.here)} maps of {self.here.shape[1]} x {self.here.shape[2]}, of which"
            f" number {self.channel.value} is enlarged. Run the cell to choose layers, maps and places."
        )

    def still(self) -> bytes:
        scale = EYE / self.side
        box = None if self.box is None else tuple(value * scale for value in self.box)
        picture, title = self.pictures.source.image(EYE), f"{self.title}: {self.question}"
        return still_of_maps(title, picture, box, self.here, self.channel.value, self.place, self.layer.value)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.channel = widgets.IntSlider(0, min=0, max=0, description="Map")
        self.colours = widgets.Dropdown(
            options=[("grey", "gray"), ("viridis", "viridis")], description="Colours"
        )
        self.scale = widgets.Dropdown(options=(EACH, LAYER), description="Range")
        self.opacity = widgets.FloatSlider(0.6, min=0, max=1, step=0.05, description="Opacity")
        self.patches = widgets.IntSlider(9, min=1, max=24, description="Patches")
        self.picture = Sheet(columns=1, largest=440, smooth=True, opacity=0.6)
        self.map = Sheet(columns=1, largest=250, pick="pixel", label="One map")
        self.grid = Sheet(columns=12, largest=64, label="All maps")
        self.strongest = Sheet(columns=6, largest=110, label="Strongest patches")
        widgets.jslink((self.opacity, "value"), (self.picture, "opacity"))

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Unit": [self.layer, self.channel],
                "Maps": [self.colours, self.scale, self.opacity],
                "Strongest patches": [self.patches, self.search.stop_button],
            },
            stage=[self.picture, heading("Over the data set"), self.strongest],
            result=[heading("One map"), self.map, heading("All maps of the layer"), self.grid],
            names=[
                *names_for(self.layer, "layer", "Layer"),
                *names_for(self.channel, "channel", "Channel of the layer"),
                *names_for(self.colours, "colours", "Colours of the maps"),
                *names_for(self.scale, "scale", "Range of the colours"),
                *names_for(self.opacity, "opacity", "Opacity of the map over the picture"),
                *names_for(self.patches, "patches", "How many strongest patches are shown"),
                *self.search.names,
            ],
        )

    # What happens when a control changes.

    @property
    def _has_places(self) -> bool:
        return self.here.shape[1:] != (1, 1)

    def _new_network(self) -> None:
        self._fields, last = layers_with_units(self.model, self.side)
        (wanted, channel), self._first = self._first, (None, None)
        offer_layers(self.layer, list(self._fields), asked=wanted, otherwise=last)
        self._known = self.model
        self.collection = self.search.pictures = self._all_pictures.fitting(self.side)
        if channel is None:
            channel = int(self.here.amax((1, 2)).argmax()) if self.is_large else 0
        self.channel.max = max(self.channel.max, channel)
        self.channel.value = channel

    def _new_layer(self) -> None:
        first = self.search.found is None
        with self.quiet():
            self.channel.max = len(self.here) - 1  # the slider brings a value beyond it back
            place = place_to_begin(self.here[self.channel.value], self._share)
            self.map.point = [0, *place]
        self.search.look(self.model, self.layer.value, self.side, **self.beginning(first))
        self._draw_grid()

    def _new_channel(self) -> None:
        with self.quiet():
            self.grid.selected = self.channel.value
        self._show_map()
        self._show_patches()

    def _choose_channel(self) -> None:
        if self.grid.selected >= 0:
            self.channel.value = self.grid.selected

    def _draw_grid(self) -> None:
        maps = grid_maps(self.here, self.scale.value)
        count, rows, columns = self.here.shape
        with self.grid.hold_sync():
            self.grid.columns = 8 if count <= 64 else 12
            self.grid.tiles = map_tiles(maps, self.colours.value, *value_range(maps))
            peaks = self.here.amax((1, 2)).tolist()
            self.grid.captions = [f"channel {i}, at most {peak:.2f}" for i, peak in enumerate(peaks)]
            self.grid.label = f"{self.layer.value}: {count} maps of {rows} x {columns}"
        self._new_channel()

    def _show_map(self) -> None:
        one = self.here[self.channel.value]
        low, high = value_range(self.here if self.scale.value == LAYER else one)
        self.map.tiles = map_tiles(one[None], self.colours.value, low, high)
        self.map.label = f"{self.layer.value}, channel {self.channel.value}; from {low:.2f} to {high:.2f}"
        self.picture.overlay = laid_over(one, EYE // 2) if self._has_places else {}
        self._show_place()

    def _show_place(self) -> None:
        (row, column), (_, rows, columns) = self.place, self.here.shape
        if not (0 <= row < rows and 0 <= column < columns):
            with self.quiet():
                self.map.point = [0, min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)]
            raise ValueError(f"the map has {rows} x {columns} places, so there is no ({row}, {column}).")
        if rows > 1 and columns > 1:
            self._share = row / (rows - 1), column / (columns - 1)
        self.map.answer = f"row {row}, column {column}: {self.value:.3f}"
        self.picture.answer = seen = seen_in_words(self.box, self.side)
        self.picture.boxes = []
        if self.box is not None and "whole" not in seen:
            self.picture.boxes = [outline(0, [value * EYE / self.side for value in self.box])]
        where = f"{self.layer.value}, channel {self.channel.value} at row {row}, column {column}"
        self.say(f"{self.called}, {where}: {self.value:.3f}; {seen}.")

    def _found_more(self, found: LayerMaps, last: bool) -> None:
        if last or self.is_due(len(found.maps)):
            self._show_patches()

    def _show_patches(self) -> None:
        """The strongest patches among the pictures that were looked at so far."""
        found = self.search.found
        if found is None or found.layer != self.layer.value:
            self.strongest.tiles, self.strongest.captions = {}, []
            return
        best = found.strongest(self.channel.value, self.patches.value)
        seen = self.collection.floats(self.side, best.picture[0])
        with self.strongest.hold_sync():
            self.strongest.tiles = picture_tiles(patch_pictures(seen, best, found.field))
            self.strongest.captions = patch_captions(best, self.collection)
            self.strongest.label = (
                f"what excites channel {self.channel.value} most in {len(found.maps)} pictures"
            )
