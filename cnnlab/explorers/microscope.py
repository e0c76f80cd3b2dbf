"""Microscope explorer: what a unit wants, where it fires, which classes it feeds, and the units at any place of a picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab._validation import whole_number
from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.charts import Chart
from cnnlab.explorers.controls import finding, heading, link_opacity, slider, slow_slider, stop_button, stops
from cnnlab.explorers.image_bytes import to_array
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.render import microscope as render
from cnnlab.explorers.render.activations import layer_maps, overlay_tiles
from cnnlab.explorers.render.unit_pictures import UnitPictures, Wanted
from cnnlab.explorers.static_preview import canvas, figure_png
from cnnlab.explorers.surveyed_sets import TILES, SurveyedSets
from cnnlab.networks.forward import class_names, probabilities
from cnnlab.synthesis.unit_pictures import SIZE, STEPS

LEGIBLE = 145
"""Smallest side of a picture that a unit wants, in CSS pixels."""
SURVEY = "the pictures"
"""What the work in the background is about, beside units: the survey of the pictures."""


class MicroscopeExplorer(Explorer):
    """Microscope explorer: choose a layer and a unit, and see all that is known of it at once.

    Shown are the picture that it wants (feature visualisation), its map on the picture at hand, its strongest patches, the classes that
    it feeds there, its nearest units, and, at a place of the picture, the five strongest units as pictures. What is slow is made in the
    background and kept in the cache folder.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own, with maps.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    layer, unit
        The first layer and unit; by default the last layer of features, and the unit that is most active on the picture.
    pictures
        The data set of the patches and of the nearest units. None takes crops of photographs and rendered pictures.
    steps
        Steps of the pictures that units want.

    Example
    -------
    >>> explorer = MicroscopeExplorer("squeezenet", layer="fire9", unit=20)  # doctest: +SKIP
    >>> explorer.place = (4, 7)  # doctest: +SKIP
    """

    name = "Microscope explorer"
    title = "Microscope"
    question = "What does a unit want, where does it fire, and what does it feed?"
    invitation = "choose layers, units and places"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        layer: str | None = None,
        unit: int | None = None,
        pictures: Any = None,
        steps: int = STEPS,
    ):
        super().__init__(model, picture)
        self.sets = SurveyedSets(pictures)
        self._asked, self._units = (layer, unit), {}
        self._share: tuple[float, float] | None = None
        self._maps: dict[str, Tensor] = {}
        self.image_view = ImageGrid(
            columns=1, max_tile_size=340, smooth=True, pick="pixel", follows=True, label="The picture"
        )
        self.wanted = ImageGrid(columns=1, max_tile_size=340, smooth=True, label="What it wants")
        self.here = ImageGrid(**TILES, min_tile_size=LEGIBLE, label="Strongest at this place")
        self.near = ImageGrid(**TILES, min_tile_size=LEGIBLE, label="Nearest units")
        self.chart, self._finding = Chart(), finding()
        self.stop_button = stop_button(name="Stop making pictures")
        self.background.link(None, self.stop_button)
        side_by_side = widgets.Box([self.image_view, self.wanted]).add_class("cnnlab-side-by-side")
        feeding = widgets.VBox([heading("Classes that it feeds"), self.chart])
        meaning = widgets.Box([self._finding, feeding]).add_class("cnnlab-side-by-side")
        self.layout(
            {
                "Unit": {
                    "layer": stops("Layer", [""], name="Layer, from the first to the last"),
                    "unit": slider("Unit", 0, 0, 0, name="Unit of the layer"),
                    "opacity": slider("Map", 0.6, 0, 1, 0.05, name="Opacity of the map over the picture"),
                },
                "What it wants": {
                    "versions": slow_slider("Versions", 1, 1, 4, name="Pictures that differ, for one unit"),
                    "steps": slow_slider("Steps", steps, 8, 128, 8, name="Steps of the pictures"),
                    "stop_button": self.stop_button,
                },
            },
            centre=[
                side_by_side,
                meaning,
                heading("Strongest units at this place"),
                self.here,
                heading("Its strongest patches"),
                *self.sets.rows,
                heading("Its nearest units"),
                self.near,
            ],
        )
        link_opacity(self.opacity, self.image_view)
        self.show()
        self.on_change(self._new_layer, self.layer)
        self.on_change(self._new_unit, self.unit)
        self.on_change(self._new_steps, self.versions, self.steps)
        self.on_change(self._new_place, self.image_view, name="point")
        self.on_change(lambda: self._choose(self.here), self.here, name="selected")
        self.on_change(lambda: self._choose(self.near), self.near, name="selected")
        self.on_click(self._stop, self.stop_button)

    @property
    def maps(self) -> Tensor:
        """All maps of the layer for this picture, U x h x w."""
        layer = self.layer.value
        if layer not in self._maps:
            self._maps |= layer_maps(self.model, self.image, [layer])
        return self._maps[layer]

    @property
    def place(self) -> tuple[int, int]:
        """(row, column) in the layer's maps; may be set."""
        return tuple(self.image_view.point[1:])

    @place.setter
    def place(self, place: tuple[int, int]) -> None:
        self.image_view.point = [0, *place]

    @property
    def size(self) -> int:
        """Side of the pictures that units want."""
        return min(SIZE, self.side)

    def refresh(self) -> None:
        self._maps = {}
        if self.is_new_network():
            self._new_network()
        self.image_view.tiles = image_tiles(self.image_picker.source.image(DISPLAY_SIZE)[None])
        self.image_view.captions = [self.image_picker.source.description]
        self._probabilities = probabilities(self.model, self.image)
        self._new_layer()

    def code(self) -> str:
        pictures = self.sets.code(self.side)
        options = f", size={self.size}, steps={self.steps.value}"
        options += f", versions={self.versions.value}" if self.versions.value > 1 else ""
        where = self.layer.value, self.unit.value, self.place
        return render.code(
            self.load_line, self.image_picker.source.code(self.side), *where, pictures, options
        )

    def summary(self) -> str:
        row, column = self.place
        return (
            f"{self.display_name}, layer {self.layer.value}, unit {self.unit.value}: what it wants, its map on a picture"
            f" ({self.image_picker.source.description}), its strongest patches, the classes that it feeds, its nearest units, and the"
            f" strongest units at row {row}, column {column}."
        )

    def preview(self) -> Figure:
        picture = to_array(self.image_picker.source.image(DISPLAY_SIZE))
        found = self.sets.strongest(self.layer.value, self.unit.value)
        patches = None if found is None else found[0]
        wanted = self._picture_of(self.unit.value, self.versions.value)
        wanted = self._blank if wanted is None else wanted[0]
        classes = class_names(self.model, len(self._probabilities)), int(self._probabilities.argmax())
        return render.preview_figure(
            picture, self.maps[self.unit.value], wanted, patches, self._feeds, *classes
        )

    def waiting_for(self) -> str:
        return "Makes pictures"

    # Callbacks of the controls.

    def _new_network(self) -> None:
        layers, last = render.microscope_layers(self.model, self.side)
        (layer, unit), self._asked = self._asked, (None, None)
        if layer is not None and layer not in layers:
            raise ValueError(f'layer "{layer}" is not offered; choose one of {", ".join(layers)}.')
        before = layer or self.layer.value
        self.layer.options = list(layers)
        self.layer.value = before if before in layers else last
        self._pictures = UnitPictures(self.model, self.size)
        count = layers[self.layer.value].shape[0]
        self._units = (
            {} if unit is None else {self.layer.value: whole_number(unit, "unit", maximum=count - 1)}
        )
        self.sets.use(self.model, self.side, layers)

    def _new_layer(self) -> None:
        layer, (count, rows, columns) = self.layer.value, self.maps.shape
        unit = self._units.setdefault(layer, int(self.maps.mean((1, 2)).argmax()))
        with self.hold_callbacks():
            self.unit.value = 0
            self.unit.max = count - 1
            self.unit.value = unit
            share = self._share or [
                (index + 0.5) / length
                for index, length in zip(
                    divmod(int(self.maps[unit].argmax()), columns), (rows, columns), strict=True
                )
            ]
            self._share = tuple(share)
            self.image_view.places = [rows, columns]
            self.image_view.point = [0, int(share[0] * rows), int(share[1] * columns)]
        self._new_unit()

    def _new_unit(self) -> None:
        self._units[self.layer.value] = self.unit.value
        self._feeds = render.feeds(self.model, self.image, self.layer.value, self.unit.value)
        self._show_unit()
        self._show_here()
        self._start()

    def _new_place(self) -> None:
        (row, column), (_, rows, columns) = self.place, self.maps.shape
        if not (0 <= row < rows and 0 <= column < columns):
            with self.hold_callbacks():
                self.place = int(self._share[0] * rows), int(self._share[1] * columns)
            raise ValueError(f"the maps have {rows} x {columns} places, so there is no ({row}, {column}).")
        self._share = (row + 0.5) / rows, (column + 0.5) / columns
        self._show_here()
        self._start()

    def _new_steps(self) -> None:
        self._show_here()
        self._show_near()
        self._start()

    def _choose(self, grid: ImageGrid) -> None:
        """Go to the unit of the chosen tile."""
        units = self._here_units if grid is self.here else self._near_units
        if 0 <= grid.selected < len(units):
            chosen = units[grid.selected]
            with self.hold_callbacks():
                grid.selected = -1
            self.unit.value = chosen

    def _stop(self) -> None:
        self.background.stop()
        self._tell("Stopped; the next change goes on.")

    # Work in the background.

    def _start(self) -> None:
        self._show_wanted()
        work = self._work()
        if self.is_large and not self._is_shown:  # something to see at once
            for what in itertools.islice(work, 1):
                self._show_made(what)
        self.background.start(work, self._show_made, self._done, at_once=self.at_once)

    def _work(self) -> Iterator[str | int]:
        """Make what is missing: the unit's own picture, those of the units at this place, the survey, those of the nearest units."""
        yield from self._grow(self.unit.value, self.versions.value)
        for unit in self._here_units:
            yield from self._grow(unit)
        for _ in self.sets.steps():
            yield SURVEY
        for unit in self.sets.nearest(self.layer.value, self.unit.value)[0].tolist():
            yield from self._grow(unit)

    def _grow(self, unit: int, versions: int = 1) -> Iterator[int]:
        """The number of a unit of the layer for each step of its picture."""
        for _ in self._pictures.grow(self._wanted(unit, versions)):
            yield unit

    def _show_made(self, what: str | int) -> None:
        if what == SURVEY:
            self._show_patches()
        elif what == self.unit.value:
            self._show_wanted()
        if what != SURVEY and self._picture_of(what) is not None:
            self._show_here()
            self._show_near()

    def _done(self) -> None:
        self._show_patches()
        self._show_near()
        self._tell("All pictures are made.")

    # What is shown.

    def _wanted(self, unit: int, versions: int = 1) -> Wanted:
        return Wanted(self.layer.value, unit, versions, self.steps.value)

    def _picture_of(self, unit: int, versions: int = 1) -> Tensor | None:
        """The finished picture of a unit of the layer: made before, here or in an earlier session."""
        return self._pictures.finished(self._wanted(unit, versions))

    @property
    def _blank(self) -> Tensor:
        return torch.full((3, self.size, self.size), 0.5)

    def _show_unit(self) -> None:
        layer, unit, unit_map = self.layer.value, self.unit.value, self.maps[self.unit.value]
        self.image_view.overlay = overlay_tiles(unit_map, DISPLAY_SIZE // 2)
        self.image_view.label = f"{layer}, unit {unit}: its map on the picture"
        names, predicted = (
            class_names(self.model, len(self._probabilities)),
            int(self._probabilities.argmax()),
        )
        figure = canvas(4.0, 2.6)
        render.draw_feeds(figure.subplots(), self._feeds, names, predicted)
        self.chart.show(figure_png(figure), render.feeds_alt(self._feeds, names))
        most = self._feeds.strongest()[0]
        active = float((unit_map > 0).float().mean())
        speaks = f"feeds {names[most]} most there ({float(self._feeds.falls[most]):+.2f} above the mean of all logits)"
        self._finding.value = (
            f"Unit {unit} of {layer} fires at {active:.0%} of the places of this picture, at most with {float(unit_map.max()):.2f}, and"
            f" {speaks if float(self._feeds.falls[most]) > 0 else 'feeds no class there'}. The network says {names[predicted]}."
        )
        self._show_patches()
        self._show_near()

    def _show_wanted(self) -> None:
        unit, versions = self.unit.value, self.versions.value
        images = self._picture_of(unit, versions)
        growing = images is None
        if growing:
            images = self._pictures.latest(self._wanted(unit, versions))
        if images is None:
            images = self._blank[None].expand(versions, -1, -1, -1)
        with self.wanted.hold_sync():
            self.wanted.columns = 1 if versions == 1 else 2
            self.wanted.tiles = image_tiles(images)
            self.wanted.captions = (
                [f"version {number + 1}" for number in range(versions)] if versions > 1 else [""]
            )
            self.wanted.label = f"{self.layer.value}, unit {unit}: what it wants"
        self._tell("Its picture grows." if growing else "")

    def _show_units(self, grid: ImageGrid, units: list[int], captions: list[str], label: str) -> None:
        pictures = [self._picture_of(unit) for unit in units]
        shown = [self._blank if picture is None else picture[0] for picture in pictures]
        waits = ["" if picture is not None else ", its picture comes" for picture in pictures]
        with grid.hold_sync():
            grid.tiles = image_tiles(torch.stack(shown)) if shown else {}
            grid.captions = [caption + wait for caption, wait in zip(captions, waits, strict=True)]
            grid.label = label
            grid.selected = -1

    def _show_here(self) -> None:
        row, column = self.place
        self._here_units, values = render.strongest_here(self.maps, row, column)
        captions = [f"unit {unit}: {value:.2f}" for unit, value in zip(self._here_units, values, strict=True)]
        own = f"unit {self.unit.value} has {float(self.maps[self.unit.value, row, column]):.2f}"
        label = f"row {row}, column {column}, strongest first: {'; '.join(captions) or 'no unit fires'}"
        self._show_units(self.here, self._here_units, captions, label)
        self.image_view.readout = f"row {row}, column {column}: {own}"

    def _show_near(self) -> None:
        units, values = self.sets.nearest(self.layer.value, self.unit.value)
        self._near_units = units.tolist()
        captions = [
            f"unit {unit}: {value:.2f}" for unit, value in zip(self._near_units, values.tolist(), strict=True)
        ]
        none = "the unit is the same on all of them" if self.sets.done else "not yet known"
        label = f"correlation over the pictures: {'; '.join(captions) or none}"
        self._show_units(self.near, self._near_units, captions, label)

    def _show_patches(self) -> None:
        self.sets.show(self.layer.value, self.unit.value)

    def _tell(self, text: str) -> None:
        self.set_status(f"{self.display_name}, {self.layer.value}, unit {self.unit.value}. {text}")
