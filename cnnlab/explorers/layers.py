"""The layer explorer: the table of a network, the maps of the layer that is chosen in it, and what each of their units sees."""

from __future__ import annotations

import ipywidgets as widgets
from torch import Tensor, nn

from cnnlab.explorers.base import EYE, Explorer
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.encode import to_array
from cnnlab.explorers.looking import (
    colours_for,
    drawn,
    nearest_unit,
    seen_in_words,
    used_tiles,
)
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Sheet, map_tiles, outline, picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.explorers.table import Table
from cnnlab.explorers.unit_maps import all_maps
from cnnlab.networks import summary
from cnnlab.networks.summary import Row

HEADINGS = ["layer", "type", "shape", "parameters", "multiply-adds", "sees"]


class LayersExplorer(Explorer):
    """What happens to a picture on its way through? Each layer's shape, numbers and cost; each unit's value, and what it sees.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    layer
        The layer that is chosen first.

    Controls
    --------
    table, find
        One row a layer; choosing a row chooses the layer (`layer` may be set, too). `find` is the menu that finds a row by typing.
    unit, row, column
        Which of the layer's maps, and which place in it: also chosen by clicking a map, a place in the large map, or the picture,
        where the unit is taken whose field has its middle nearest.
    show_effective_field
        Lay what the place uses of its field (the gradient, see `cnnlab.networks.effective_field`) over the picture.

    Example
    -------
    >>> explorer = LayersExplorer("mini_resnet", picture=7)
    >>> explorer.layer, explorer.unit.value = "layer2", 5
    """

    kinds = (*CLASSIFIERS, "digits", "random labels")
    title = "Layers and what they see"
    question = "What happens to a picture on its way through the network?"

    def __init__(
        self, model: str | nn.Module = "mini_alexnet", picture: object = None, layer: str | None = None
    ):
        super().__init__(model, picture)
        self.maps: Tensor | None = None
        self._rows: tuple[Row, ...] = ()
        self._wanted = layer
        self._known: nn.Module | None = None
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._new_layer, self.table, name="selected")
        self.watch(lambda: self._select(self.find.value), self.find)
        self.watch(self._new_unit, self.unit)
        self.watch(self._new_place, self.row, self.column, self.used)
        self.watch(self._choose_unit, self.sheet, name="selected")
        self.watch(self._choose_place, self.map, name="point")
        self.watch(self._choose_pixel, self.picture, name="point")

    @property
    def layer(self) -> str:
        """The chosen layer; may be set."""
        return self._rows[self.table.selected].name

    @layer.setter
    def layer(self, name: str) -> None:
        self.attempt(lambda: self._select(name))

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """(top, left, bottom, right) of what the place sees, in the network's pixels; None where it is not known."""
        seen = self._rows[self.table.selected].receptive_field
        return None if seen is None else seen.box(self.row.value, self.column.value)

    @property
    def value(self) -> float:
        """The activation of the chosen unit at the chosen place."""
        return float(self.maps[self.unit.value, self.row.value, self.column.value])

    def refresh(self) -> None:
        if self._known is not self.model:
            self._new_network()
        source = self.pictures.source
        self.picture.tiles = picture_tiles(source.image(EYE)[None])
        self.picture.label = f"{source.words}, {self.side} x {self.side} pixels for the network"
        self._new_layer()
        self.say(f"{self.called} looks at: {source.words}.")

    def code(self) -> str:
        picture = self.pictures.source.code(self.side)
        rooms = "networks, world" if "world." in picture else "networks"
        place = f"{self.row.value}, {self.column.value}"
        unit = f"{self.unit.value}, {place}" if self._has_places else f"{self.unit.value}"
        lines = [
            "import cnnlab",
            f"from cnnlab import {rooms}",
            "",
            self.load_line,
            picture,
            "print(networks.summary(model))",
            f'maps = networks.activations(model, image, "{self.layer}")["{self.layer}"]',
            f"print(maps[{unit}].item())",
        ]
        if self.box is not None:
            lines += [f'print(networks.receptive_field(model, "{self.layer}").box({place}))']
        return "\n".join(lines)

    def describe(self) -> str:
        return (
            f"Layer explorer. {self.called} looks at a picture ({self.pictures.source.words}); the table lists its"
            f" {len(self._rows)} layers. Layer {self.layer}, unit {self.unit.value}: {self._seen()}"
            " Run the cell to choose layers and units."
        )

    def still(self) -> bytes:
        picture = to_array(self.pictures.source.image(EYE))
        place = self.unit.value, self.row.value, self.column.value
        figure = drawn(picture, self.box, self.side, self.maps, *place)
        figure.axes[0].set_title(f"row {place[1]}, column {place[2]} sees this", fontsize=9)
        figure.axes[1].set_title(f"{self.layer}, unit {place[0]}", fontsize=9)
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.unit = widgets.IntSlider(0, min=0, max=0, description="Unit")
        self.row = widgets.IntSlider(0, min=0, max=0, description="Row")
        self.column = widgets.IntSlider(0, min=0, max=0, description="Column")
        self.used = widgets.Checkbox(False, description="what it uses of its field", indent=False)
        self.opacity = widgets.FloatSlider(0.8, min=0, max=1, step=0.05, description="Opacity")
        self.find = SearchSelect(description="Layer")
        self.table = Table(headings=HEADINGS, words=3, label="Layers of the network")
        self.picture = Sheet(columns=1, largest=440, pick="pixel", smooth=True, opacity=0.8)
        self.map = Sheet(columns=1, largest=230, pick="pixel", label="Map")
        self.sheet = Sheet(columns=8, largest=64, label="Maps of the layer")
        widgets.jslink((self.opacity, "value"), (self.picture, "opacity"))

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Unit": [self.find, self.unit, self.row, self.column],
                "Over the picture": [self.used, self.opacity],
            },
            stage=[self.picture, heading("Layers, in the order in which they run"), self.table],
            result=[heading("One map"), self.map, heading("All maps of the layer"), self.sheet],
            names=[
                *names_for(self.find, "layer", "Layer"),
                *names_for(self.unit, "unit", "Unit of the layer"),
                *names_for(self.row, "row-of-map", "Row in the map"),
                *names_for(self.column, "column-of-map", "Column in the map"),
                *names_for(self.used, "used", "Show what the unit uses of its field"),
                *names_for(self.opacity, "opacity", "Opacity of what is laid over the picture"),
            ],
        )

    # What happens when a control changes.

    @property
    def _has_places(self) -> bool:
        return len(self._rows[self.table.selected].output_shape) == 3

    def _new_network(self) -> None:
        table = summary(self.model, self.side)
        before = self._wanted or (self.layer if self._rows else None)
        rows = tuple(row for row in table.rows if len(row.output_shape) in (1, 3))
        names = [row.name for row in rows]
        first = next((row.name for row in rows if row.parameters and len(row.output_shape) == 3), names[0])
        with self.table.hold_sync():
            self._rows = rows
            self.table.rows = [[cell.replace(" x ", "×") for cell in row.cells()] for row in rows]
            self.table.note = "; ".join(f"{what}: {number}" for what, number in table.totals().items())
            self.table.selected = names.index(before if before in names else first)
        offer_layers(self.find, names)
        if self._wanted and self._wanted not in names:
            self._select(self._wanted)  # says which layers there are
        self._known, self._wanted = self.model, None

    def _select(self, name: str) -> None:
        names = [row.name for row in self._rows]
        if name not in names:
            raise ValueError(
                f'layer "{name}" is not in the table of {self.called}; it has {", ".join(names)}.'
            )
        self.table.selected = names.index(name)

    def _new_layer(self) -> None:
        """One forward pass: the maps of the layer."""
        with self.quiet():
            self.find.value = self.layer
        self.maps = all_maps(self.model, self.image, [self.layer])[self.layer]
        count, rows, columns = self.maps.shape
        with self.quiet():
            self._fit(self.unit, count, min(self.unit.value, count - 1))
            for slider, places in ((self.row, rows), (self.column, columns)):
                share = slider.value / slider.max if slider.max else 0.45
                self._fit(slider, places, round(share * (places - 1)))  # the same part of the picture
        cmap, low, high = colours_for(self.maps)
        with self.sheet.hold_sync():
            self.sheet.columns = 8 if count <= 64 else 12
            self.sheet.tiles = map_tiles(self.maps, cmap, low, high)
            self.sheet.captions = [
                f"unit {i}, at most {v:.2f}" for i, v in enumerate(self.maps.amax((1, 2)).tolist())
            ]
            self.sheet.label = f"{self.layer}: {count} maps of {rows} x {columns}"
        self._new_unit()

    @staticmethod
    def _fit(slider: widgets.IntSlider, count: int, value: int) -> None:
        slider.max = count - 1
        slider.value, slider.disabled = value, count == 1

    def _new_unit(self) -> None:
        cmap, low, high = colours_for(self.maps)
        with self.quiet():
            self.sheet.selected = self.unit.value
        self.map.tiles = map_tiles(self.maps[self.unit.value][None], cmap, low, high)
        self.map.label = f"{self.layer}, unit {self.unit.value}; colours from {low:.2f} to {high:.2f}"
        self._new_place()

    def _new_place(self) -> None:
        row, column, box = self.row.value, self.column.value, self.box
        with self.quiet():
            self.map.point = [0, row, column]
        self.map.answer = f"row {row}, column {column}: {self.value:.3f}"
        scale = EYE / self.side
        self.picture.boxes = [] if box is None else [outline(0, [value * scale for value in box])]
        self.picture.answer = self._seen()
        used = used_tiles(self.model, self.image, self.layer, row, column) if self.used.value else {}
        self.picture.overlay = used

    def _choose_unit(self) -> None:
        if self.sheet.selected >= 0:
            self.unit.value = self.sheet.selected

    def _choose_place(self) -> None:
        self._go(*self.map.point[1:])

    def _choose_pixel(self) -> None:
        """The place whose field has its middle nearest to the pixel."""
        seen = self._rows[self.table.selected].receptive_field
        if seen is None:
            raise ValueError(f'what the units of "{self.layer}" see is not known; choose a place in the map.')
        row, column = (at * self.side // EYE for at in self.picture.point[1:])
        self._go(*nearest_unit(seen, (row, column)))

    def _go(self, row: int, column: int) -> None:
        with self.quiet():
            self.row.value, self.column.value = row, column
        self._new_place()

    def _seen(self) -> str:
        return seen_in_words(self.box, self.row.value, self.column.value, self.side)
