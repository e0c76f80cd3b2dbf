"""Convolution explorer: a kernel on a real picture, with each product of one position of the output map."""

from __future__ import annotations

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS
from cnnlab.explorers.controls import choice, heading, slider
from cnnlab.explorers.image_grid import ImageGrid, map_tiles
from cnnlab.explorers.render.convolution import (
    KERNELS,
    LEARNED_FILTER,
    SOURCE_SIZE,
    State,
    code,
    grey,
    named_kernel,
    nearest_position,
    patch_table,
    preview_figure,
    products,
    sum_sentence,
    window_boxes,
)
from cnnlab.figures.colours import SIGNED
from cnnlab.figures.palette_png import symmetric_range
from cnnlab.networks import explain_output_size
from cnnlab.units import convolution_names, filters


class ConvolutionExplorer(Explorer):
    """Convolution explorer: patch x kernel + bias on a grey picture. Where does each number of a map come from?

    Each weight can be changed: click it in the kernel's picture. A learned filter is summed over the colours, which is equivalent on a grey
    picture. Impossible settings are explained. `term` is how many products are summed already.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own; its first-layer filters can be used as kernels.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.

    Example
    -------
    >>> explorer = ConvolutionExplorer("mini_resnet", picture=7)
    >>> explorer.stride.value, explorer.position = 2, (3, 4)
    """

    name = "Convolution explorer"
    title = "Convolution arithmetic"
    question = "Where does each number of a map come from?"
    invitation = "step through it"
    kinds = (*CLASSIFIERS, "digits", "random labels")

    def __init__(self, model: str | nn.Module = "mini_alexnet", picture: object = None):
        super().__init__(model, picture)
        self.position = (0, 0)
        self.weights: Tensor = named_kernel(KERNELS[0], 3)
        self.state: State | None = None
        views = {"columns": 1, "pick": "pixel"}
        self.input = ImageGrid(**views, max_tile_size=420, label="The picture, grey, with its padding")
        self.kernel_grid = ImageGrid(
            **views, max_tile_size=120, point=[0, 1, 1], label="choose a weight, change it"
        )
        self.output = ImageGrid(**views, max_tile_size=300, label="The map, violet below zero")
        self.arithmetic, self.table, self.sum = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.term = slider("Step", 9, 0, 9, name="Products that are added")
        self.layout(
            {
                "Kernel": {
                    "kernel": choice("Kernel", [*KERNELS, LEARNED_FILTER], name="Kernel"),
                    "unit": slider("Filter", 0, 0, 0, name="Number of the learned filter", disabled=True),
                    "size": slider("Size", 3, 1, 9, name="Size of the kernel"),
                    "weight": slider("Weight", 0.0, -2, 2, 0.05, name="Weight chosen in the kernel"),
                    "bias": slider("Bias", 0.0, -2, 2, 0.1, name="Bias"),
                },
                "On its way": {
                    "pixels": slider("Picture", 24, 4, 64, name="Side of the picture in pixels"),
                    "stride": slider("Stride", 1, 1, 8, name="Stride"),
                    "padding": slider("Padding", 0, 0, 8, name="Padding"),
                    "dilation": slider("Dilation", 1, 1, 6, name="Dilation"),
                },
            },
            centre=[self.input, heading("This number of the map"), self.term, self.table, self.sum],
            result=[
                *(heading("Kernel"), self.kernel_grid),
                *(heading("What comes out"), self.output, self.arithmetic),
            ],
        )
        self.position = (8, 10)
        self.show()
        self.on_change(self._new_kernel, self.kernel, self.size, self.unit)
        self.on_change(self._set_weight, self.weight)
        self.on_change(self._draw, self.pixels, self.bias, self.stride, self.padding, self.dilation)
        self.on_change(self._show_sum, self.term)
        self.on_change(self._choose_weight, self.kernel_grid, name="point")
        self.on_change(self._choose_position, self.output, name="point")
        self.on_change(self._choose_pixel, self.input, name="point")

    @property
    def position(self) -> tuple[int, int]:
        """(row, column) in the output map; may be set."""
        return self._position

    @position.setter
    def position(self, place: tuple[int, int]) -> None:
        self._position = (int(place[0]), int(place[1]))
        if getattr(self, "state", None) is not None:
            self.run_safely(self._show_position)

    def refresh(self) -> None:
        first = filters(self.model)
        self.unit.max = len(first) - 1
        self._load_kernel()
        self._draw()

    def code(self) -> str:
        learned = self.unit.value if self._is_learned and not self._edited else None
        picture = self.image_picker.source.code(SOURCE_SIZE)
        return code(self.load_line, picture, self.state, self.position, learned)

    def summary(self) -> str:
        state, (row, column) = self.state, self.position
        size, side, n_positions = state.weight.shape[-1], state.pixels.shape[-1], state.n_positions
        return (
            f"A kernel of {size} x {size} ({self._kernel_name}) goes over a picture ({self.image_picker.source.description})"
            f" of {side} x {side} pixels with stride {state.stride}, padding {state.padding} and"
            f" dilation {state.dilation}: a map of {n_positions} x {n_positions} numbers, of which the one at row {row}, column {column} is"
            " taken apart."
        )

    def preview(self) -> Figure:
        return preview_figure(self.state, *self.position)

    # Callbacks of the controls.

    @property
    def _is_learned(self) -> bool:
        return self.kernel.value == LEARNED_FILTER

    @property
    def _kernel_name(self) -> str:
        if not self._is_learned:
            return self.kernel.value
        whose = self.network_name or getattr(self.model, "name", "your network")
        return f"filter {self.unit.value} of {convolution_names(self.model)[0]} of {whose}"

    def _new_kernel(self) -> None:
        self._load_kernel()
        self._draw()

    def _load_kernel(self) -> None:
        self.unit.disabled, self.size.disabled = not self._is_learned, self._is_learned
        learned = filters(self.model)[self.unit.value].sum(0, keepdim=True) if self._is_learned else None
        self.weights = (
            named_kernel(self.kernel.value, self.size.value) if learned is None else learned.float().cpu()
        )
        self._edited = False

    def _set_weight(self) -> None:
        _, row, column = self.kernel_grid.point
        if abs(float(self.weights[0, row, column]) - self.weight.value) < 1e-6:
            return  # the slider was set to the kernel's value
        self.weights = self.weights.clone()
        self.weights[0, row, column] = self.weight.value
        self._edited = True
        self._draw()

    def _choose_weight(self) -> None:
        _, row, column = self.kernel_grid.point
        with self.hold_callbacks():
            self.weight.value = float(self.weights[0, row, column])

    def _choose_position(self) -> None:
        if tuple(self.output.point[1:]) != self._position:
            self.position = tuple(self.output.point[1:])

    def _choose_pixel(self) -> None:
        _, row, column = self.input.point
        if [row, column] != self._tap:
            self.position = nearest_position(self.state, row, column)

    def _draw(self) -> None:
        """Redraw picture, kernel and map. An impossible shape is reported, and the last possible one stays."""
        side, size = self.pixels.value, self.weights.shape[-1]
        steps = {"stride": self.stride.value, "padding": self.padding.value, "dilation": self.dilation.value}
        pixels = grey(self.image_picker.source.image(SOURCE_SIZE), side)
        state = State(pixels, self.weights, round(self.bias.value, 2), **steps)
        n_positions = state.n_positions
        self.state = state
        output = state.output()
        self.arithmetic.value = f"<p>{explain_output_size(side, size, **steps)}</p>"
        self.kernel_grid.tiles = map_tiles(state.weight, SIGNED, *symmetric_range(state.weight, 1e-6))
        self.input.tiles = map_tiles(state.padded_input(), "gray", 0, 1)
        self.output.tiles = map_tiles(output, SIGNED, *symmetric_range(output, 1e-6))
        low, high = float(output.min()), float(output.max())
        self.output.captions = [f"{n_positions} x {n_positions} numbers from {low:.2f} to {high:.2f}"]
        self._position = tuple(min(coordinate, n_positions - 1) for coordinate in self._position)
        self._limit_term(size**2)
        self._choose_center(size)
        self.set_status(f"{self._kernel_name}, on {self.image_picker.source.description}.")
        self._show_position()

    def _limit_term(self, terms: int) -> None:
        whole = self.term.value == self.term.max
        with self.hold_callbacks():
            self.term.max = terms
            self.term.value = terms if whole else min(self.term.value, terms)

    def _choose_center(self, size: int) -> None:
        _, row, column = self.kernel_grid.point
        self.kernel_grid.point = [0, min(row, size - 1), min(column, size - 1)]
        self._choose_weight()

    def _show_position(self) -> None:
        try:
            self.step = self.state.step_at(*self._position)
        except ValueError:
            self._position = self._last_good_position
            raise
        self._last_good_position = self._position
        self.output.point = [0, *self._position]
        self.output.readout = f"row {self._position[0]}, column {self._position[1]} is {self.step.value:.2f}"
        self._show_sum()

    def _show_sum(self) -> None:
        state, term = self.state, self.term.value
        self.table.value = patch_table(self.step, state.weight, term)
        self.sum.value = f"<p>{sum_sentence(self.step, state.weight, term)}</p>"
        row, column, *_ = products(self.step)[max(term, 1) - 1]
        self._tap = [row + state.padding, column + state.padding]
        self.input.boxes = window_boxes(state, self.step)
        self.input.point = [0, *self._tap]
