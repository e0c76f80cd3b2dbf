"""Layer explorer: the layer table of a network, the maps of the chosen layer, and the receptive fields of its units."""

from __future__ import annotations

import ipywidgets as widgets
from torch import Tensor, nn

from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.image_bytes import to_array
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, map_tiles, tile_box
from cnnlab.explorers.render.activations import layer_maps
from cnnlab.explorers.render.receptive_field import (
    colours_for,
    effective_field_tiles,
    field_sentence,
    nearest_unit,
    preview_figure,
)
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import figure_png
from cnnlab.explorers.table import Table
from cnnlab.networks import summary
from cnnlab.networks.summary import LayerRow

HEADINGS = ["layer", "type", "shape", "parameters", "multiply-adds", "sees"]


class LayersExplorer(Explorer):
    """Layer explorer: each layer's shape, parameters and cost; each unit's activation and receptive field.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    layer
        The first layer to show.

    Controls
    --------
    table, find
        One row for each layer; a click on a row chooses it (`layer` may be set, too). `find` is a searchable menu of the rows.
    unit, row, column
        The map and the position in it: also set by a click on a map, on a position of the large map, or on the picture,
        which chooses the position with the nearest receptive field centre.
    show_effective_field
        Overlay the effective receptive field of the position (the gradient, see `cnnlab.networks.effective_receptive_field`).

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
        self._rows: tuple[LayerRow, ...] = ()
        self._initial_layer = layer
        self._model_shown: nn.Module | None = None
        self._make_controls()
        self._lay_out()
        self.show()
        self.on_change(self._new_layer, self.table, name="selected")
        self.on_change(lambda: self._select(self.find.value), self.find)
        self.on_change(self._new_unit, self.unit)
        self.on_change(self._new_position, self.row, self.column, self.show_effective_field)
        self.on_change(self._choose_unit, self.grid, name="selected")
        self.on_change(self._choose_position, self.map, name="point")
        self.on_change(self._choose_pixel, self.image_view, name="point")

    @property
    def layer(self) -> str:
        """The chosen layer; may be set."""
        return self._rows[self.table.selected].name

    @layer.setter
    def layer(self, name: str) -> None:
        self.run_safely(lambda: self._select(name))

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """(top, left, bottom, right) of the receptive field of the position, in the network's pixels; None where it is not known."""
        field = self._rows[self.table.selected].receptive_field
        return None if field is None else field.box(self.row.value, self.column.value)

    @property
    def value(self) -> float:
        """The activation of the chosen unit at the chosen position."""
        return float(self.maps[self.unit.value, self.row.value, self.column.value])

    def refresh(self) -> None:
        if self._model_shown is not self.model:
            self._new_network()
        source = self.image_picker.source
        self.image_view.tiles = image_tiles(source.image(DISPLAY_SIZE)[None])
        self.image_view.label = f"{source.description}, {self.side} x {self.side} pixels for the network"
        self._new_layer()
        self.set_status(f"{self.display_name} looks at: {source.description}.")

    def code(self) -> str:
        picture = self.image_picker.source.code(self.side)
        rooms = "networks, world" if "world." in picture else "networks"
        position = f"{self.row.value}, {self.column.value}"
        unit = f"{self.unit.value}, {position}" if self._has_positions else f"{self.unit.value}"
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
            lines += [f'print(networks.receptive_field(model, "{self.layer}").box({position}))']
        return "\n".join(lines)

    def describe(self) -> str:
        return (
            f"Layer explorer. {self.display_name} looks at a picture ({self.image_picker.source.description}); the table lists its"
            f" {len(self._rows)} layers. Layer {self.layer}, unit {self.unit.value}: {self._field_text()}"
            " Run the cell to choose layers and units."
        )

    def static_preview(self) -> bytes:
        picture = to_array(self.image_picker.source.image(DISPLAY_SIZE))
        position = self.unit.value, self.row.value, self.column.value
        figure = preview_figure(picture, self.box, self.side, self.maps, *position)
        figure.axes[0].set_title(f"row {position[1]}, column {position[2]} sees this", fontsize=9)
        figure.axes[1].set_title(f"{self.layer}, unit {position[0]}", fontsize=9)
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, x=0.01, ha="left")
        return figure_png(figure)

    # Building the widget.

    def _make_controls(self) -> None:
        self.unit = widgets.IntSlider(0, min=0, max=0, description="Unit")
        self.row = widgets.IntSlider(0, min=0, max=0, description="Row")
        self.column = widgets.IntSlider(0, min=0, max=0, description="Column")
        self.show_effective_field = widgets.Checkbox(
            False, description="what it uses of its field", indent=False
        )
        self.opacity = widgets.FloatSlider(0.8, min=0, max=1, step=0.05, description="Opacity")
        self.find = SearchSelect(description="Layer")
        self.table = Table(headings=HEADINGS, text_columns=3, label="Layers of the network")
        self.image_view = ImageGrid(columns=1, max_tile_size=440, pick="pixel", smooth=True, opacity=0.8)
        self.map = ImageGrid(columns=1, max_tile_size=230, pick="pixel", label="Map")
        self.grid = ImageGrid(columns=8, max_tile_size=64, label="Maps of the layer")
        widgets.jslink((self.opacity, "value"), (self.image_view, "opacity"))

    def _lay_out(self) -> None:
        self.layout(
            {
                "Unit": [self.find, self.unit, self.row, self.column],
                "Over the picture": [self.show_effective_field, self.opacity],
            },
            centre=[self.image_view, heading("Layers, in the order in which they run"), self.table],
            result=[heading("One map"), self.map, heading("All maps of the layer"), self.grid],
            accessible_names=[
                *names_for(self.find, "layer", "Layer"),
                *names_for(self.unit, "unit", "Unit of the layer"),
                *names_for(self.row, "row-of-map", "Row in the map"),
                *names_for(self.column, "column-of-map", "Column in the map"),
                *names_for(self.show_effective_field, "used", "Show what the unit uses of its field"),
                *names_for(self.opacity, "opacity", "Opacity of what is laid over the picture"),
            ],
        )

    # Callbacks of the controls.

    @property
    def _has_positions(self) -> bool:
        return len(self._rows[self.table.selected].output_shape) == 3

    def _new_network(self) -> None:
        table = summary(self.model, self.side)
        before = self._initial_layer or (self.layer if self._rows else None)
        rows = tuple(row for row in table.rows if len(row.output_shape) in (1, 3))
        names = [row.name for row in rows]
        first = next((row.name for row in rows if row.parameters and len(row.output_shape) == 3), names[0])
        with self.table.hold_sync():
            self._rows = rows
            self.table.rows = [[cell.replace(" x ", "×") for cell in row.cells()] for row in rows]
            self.table.note = "; ".join(f"{what}: {number}" for what, number in table.totals().items())
            self.table.selected = names.index(before if before in names else first)
        offer_layers(self.find, names)
        if self._initial_layer and self._initial_layer not in names:
            self._select(self._initial_layer)  # its error lists the layers
        self._model_shown, self._initial_layer = self.model, None

    def _select(self, name: str) -> None:
        names = [row.name for row in self._rows]
        if name not in names:
            raise ValueError(
                f'layer "{name}" is not in the table of {self.display_name}; it has {", ".join(names)}.'
            )
        self.table.selected = names.index(name)

    def _new_layer(self) -> None:
        """Run a forward pass and show the maps of the layer."""
        with self.hold_callbacks():
            self.find.value = self.layer
        self.maps = layer_maps(self.model, self.image, [self.layer])[self.layer]
        count, rows, columns = self.maps.shape
        with self.hold_callbacks():
            self._fit(self.unit, count, min(self.unit.value, count - 1))
            for slider, n_positions in ((self.row, rows), (self.column, columns)):
                share = slider.value / slider.max if slider.max else 0.45
                self._fit(
                    slider, n_positions, round(share * (n_positions - 1))
                )  # the same relative position in the map
        cmap, low, high = colours_for(self.maps)
        with self.grid.hold_sync():
            self.grid.columns = 8 if count <= 64 else 12
            self.grid.tiles = map_tiles(self.maps, cmap, low, high)
            self.grid.captions = [
                f"unit {i}, at most {v:.2f}" for i, v in enumerate(self.maps.amax((1, 2)).tolist())
            ]
            self.grid.label = f"{self.layer}: {count} maps of {rows} x {columns}"
        self._new_unit()

    @staticmethod
    def _fit(slider: widgets.IntSlider, count: int, value: int) -> None:
        slider.max = count - 1
        slider.value, slider.disabled = value, count == 1

    def _new_unit(self) -> None:
        cmap, low, high = colours_for(self.maps)
        with self.hold_callbacks():
            self.grid.selected = self.unit.value
        self.map.tiles = map_tiles(self.maps[self.unit.value][None], cmap, low, high)
        self.map.label = f"{self.layer}, unit {self.unit.value}; colours from {low:.2f} to {high:.2f}"
        self._new_position()

    def _new_position(self) -> None:
        row, column, box = self.row.value, self.column.value, self.box
        with self.hold_callbacks():
            self.map.point = [0, row, column]
        self.map.readout = f"row {row}, column {column}: {self.value:.3f}"
        scale = DISPLAY_SIZE / self.side
        self.image_view.boxes = [] if box is None else [tile_box(0, [value * scale for value in box])]
        self.image_view.readout = self._field_text()
        used = (
            effective_field_tiles(self.model, self.image, self.layer, row, column)
            if self.show_effective_field.value
            else {}
        )
        self.image_view.overlay = used

    def _choose_unit(self) -> None:
        if self.grid.selected >= 0:
            self.unit.value = self.grid.selected

    def _choose_position(self) -> None:
        self._go(*self.map.point[1:])

    def _choose_pixel(self) -> None:
        """Choose the position whose receptive field has its centre nearest to the pixel."""
        field = self._rows[self.table.selected].receptive_field
        if field is None:
            raise ValueError(f'what the units of "{self.layer}" see is not known; choose a place in the map.')
        row, column = (coordinate * self.side // DISPLAY_SIZE for coordinate in self.image_view.point[1:])
        self._go(*nearest_unit(field, (row, column)))

    def _go(self, row: int, column: int) -> None:
        with self.hold_callbacks():
            self.row.value, self.column.value = row, column
        self._new_position()

    def _field_text(self) -> str:
        return field_sentence(self.box, self.row.value, self.column.value, self.side)
