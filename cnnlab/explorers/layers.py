"""Layer explorer: the layer table of a network, the maps of the chosen layer, and the receptive fields of its units."""

from __future__ import annotations

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.charts import Table
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.controls import checkbox, heading, link_opacity, search, slider
from cnnlab.explorers.image_bytes import to_array
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, map_tiles, tile_box
from cnnlab.explorers.render.activations import (
    colours_for,
    effective_field_tiles,
    field_figure,
    field_sentence,
    layer_maps,
    nearest_unit,
)
from cnnlab.explorers.snippet import snippet
from cnnlab.networks import summary
from cnnlab.networks.summary import LayerRow

HEADINGS = ["layer", "type", "shape", "parameters", "multiply-adds", "sees"]


class LayersExplorer(Explorer):
    """Layer explorer: each layer's shape, parameters and cost; each unit's activation and receptive field.

    A click on a row of the table chooses the layer, on a map the unit, on the large map the position, and on the picture the position
    whose receptive field has its centre nearest. `show_effective_field` overlays `cnnlab.networks.effective_receptive_field`.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    layer
        The first layer to show.

    Example
    -------
    >>> explorer = LayersExplorer("mini_resnet", picture=7)
    >>> explorer.layer, explorer.unit.value = "layer2", 5
    """

    name = "Layer explorer"
    title = "Layers and what they see"
    question = "What happens to a picture on its way through the network?"
    invitation = "choose layers and units"
    kinds = (*CLASSIFIERS, "digits", "random labels")

    def __init__(
        self, model: str | nn.Module = "mini_alexnet", picture: object = None, layer: str | None = None
    ):
        super().__init__(model, picture)
        self.maps: Tensor | None = None
        self._rows: tuple[LayerRow, ...] = ()
        self._initial_layer = layer
        self.table = Table(headings=HEADINGS, text_columns=3, label="Layers of the network")
        self.image_view = ImageGrid(columns=1, max_tile_size=440, pick="pixel", smooth=True, opacity=0.8)
        self.map = ImageGrid(columns=1, max_tile_size=230, pick="pixel", label="Map")
        self.grid = ImageGrid(columns=6, max_tile_size=64, label="Maps of the layer")
        self.layout(
            {
                "Unit": {
                    "find": search("Layer", name="Layer"),
                    "unit": slider("Unit", 0, 0, 0, name="Unit of the layer"),
                    "row": slider("Row", 0, 0, 0, name="Row in the map"),
                    "column": slider("Column", 0, 0, 0, name="Column in the map"),
                },
                "Over the picture": {
                    "show_effective_field": checkbox(
                        "what it uses of its field", name="Show what the unit uses of its field"
                    ),
                    "opacity": slider(
                        "Opacity", 0.8, 0, 1, 0.05, name="Opacity of what is laid over the picture"
                    ),
                },
            },
            centre=[self.image_view, heading("Layers, in the order in which they run"), self.table],
            result=[heading("One map"), self.map, heading("All maps of the layer"), self.grid],
        )
        link_opacity(self.opacity, self.image_view)
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
        if self.is_new_network():
            self._new_network()
        source = self.image_picker.source
        self.image_view.tiles = image_tiles(source.image(DISPLAY_SIZE)[None])
        self.image_view.label = f"{source.description}, {self.side} x {self.side} pixels for the network"
        self._new_layer()
        self.set_status(f"{self.display_name} looks at: {source.description}.")

    def code(self) -> str:
        position = f"{self.row.value}, {self.column.value}"
        unit = f"{self.unit.value}, {position}" if self._has_positions else f"{self.unit.value}"
        lines = [
            self.load_line,
            self.image_picker.source.code(self.side),
            "print(networks.summary(model))",
            f'maps = networks.activations(model, image, "{self.layer}")["{self.layer}"]',
            f"print(maps[{unit}].item())",
        ]
        if self.box is not None:
            lines += [f'print(networks.receptive_field(model, "{self.layer}").box({position}))']
        return snippet(*lines)

    def summary(self) -> str:
        return (
            f"{self.display_name} looks at a picture ({self.image_picker.source.description}); the table lists its"
            f" {len(self._rows)} layers. Layer {self.layer}, unit {self.unit.value}: {self._field_text()}"
        )

    def preview(self) -> Figure:
        picture = to_array(self.image_picker.source.image(DISPLAY_SIZE))
        unit, row, column = self.unit.value, self.row.value, self.column.value
        figure = field_figure(picture, self.box, self.side, self.maps, unit, row, column)
        figure.axes[0].set_title(f"row {row}, column {column} sees this", fontsize=9)
        figure.axes[1].set_title(f"{self.layer}, unit {unit}", fontsize=9)
        return figure

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
        self._initial_layer = None

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
            for control, n_positions in ((self.row, rows), (self.column, columns)):
                # The same relative position in the map.
                share = control.value / control.max if control.max else 0.45
                self._fit(control, n_positions, round(share * (n_positions - 1)))
        cmap, low, high = colours_for(self.maps)
        with self.grid.hold_sync():
            self.grid.tiles = map_tiles(self.maps, cmap, low, high)
            self.grid.captions = [
                f"unit {i}, at most {v:.2f}" for i, v in enumerate(self.maps.amax((1, 2)).tolist())
            ]
            self.grid.label = f"{self.layer}: {count} maps of {rows} x {columns}"
        self._new_unit()

    @staticmethod
    def _fit(control: widgets.IntSlider, count: int, value: int) -> None:
        control.max = count - 1
        control.value, control.disabled = value, count == 1

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
        self.image_view.overlay = {}
        if self.show_effective_field.value:
            self.image_view.overlay = effective_field_tiles(self.model, self.image, self.layer, row, column)

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
