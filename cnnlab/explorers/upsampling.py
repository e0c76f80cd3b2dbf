"""Upsampling explorer: max unpooling and transposed convolution, one number at a time."""

from __future__ import annotations

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.controls import choice, heading, slider
from cnnlab.explorers.image_grid import ImageGrid, map_tiles
from cnnlab.explorers.render.upsampling import (
    ENCODERS,
    INPUTS,
    KERNELS,
    METHODS,
    UNPOOLING,
    State,
    preview_figure,
    step_sentence,
    tables,
    transpose,
    unpool,
)
from cnnlab.explorers.snippet import snippet
from cnnlab.figures.colours import SIGNED
from cnnlab.figures.palette_png import symmetric_range


class UpsamplingExplorer(Explorer):
    """Upsampling explorer: max unpooling and transposed convolution step by step, with the numbers of lecture K or your own.

    `step` is how many numbers of the input are processed; the current one, `number`, can be changed.

    Example
    -------
    >>> explorer = UpsamplingExplorer()
    >>> explorer.method.value, explorer.step.value = "transposed convolution", 2
    >>> explorer.state.steps[2][0].tolist()
    [120.0, 30.0, -150.0, 0.0]
    """

    name = "Upsampling explorer"
    title = "Upsampling"
    question = "How does a small map become a larger one?"
    invitation = "step through it"
    pickers = ()

    def __init__(self, method: str = UNPOOLING):
        super().__init__()
        self.inputs: dict[str, Tensor] = {name: numbers.clone() for name, numbers in INPUTS.items()}
        self.state: State | None = None
        views = {"columns": 1, "pick": "pixel"}
        self.input = ImageGrid(**views, max_tile_size=150, label="Input: choose a number")
        self.output = ImageGrid(**views, max_tile_size=220, label="Output, violet below zero")
        self.overlap_grid = ImageGrid(**views, max_tile_size=150, label="How many numbers meet at each place")
        self.step = slider("Step", 2, 0, 4, name="Numbers that have been set down")
        self.table, self.sentence = widgets.HTML(), widgets.HTML()
        self.layout(
            {
                "Upsampling": {
                    "method": choice("How", METHODS, method, name="Upsampling"),
                    "stride": slider("Stride", 1, 1, 2, name="Stride"),
                    "padding": slider("Padding", 0, 0, 2, name="Padding"),
                    "kernel": choice("Kernel", list(KERNELS), name="Kernel"),
                },
                "The number whose turn it is": {
                    "input": self.input,
                    "number": slider("Number", 0, -500, 500, 10, name="The number whose turn it is"),
                },
            },
            centre=[heading("Number by number"), self.step, self.table, self.sentence],
            result=[heading("The whole"), self.output, self.overlap_grid],
        )
        self.show()
        self.on_change(self._change_method, self.method)
        self.on_change(self._compute, self.stride, self.padding, self.kernel)
        self.on_change(self._show_step, self.step)
        self.on_change(self._set_number, self.number)
        self.on_change(self._choose, self.input, name="point")
        self.on_change(self._read_out, self.output, self.overlap_grid, name="point")

    def refresh(self) -> None:
        self._change_method()

    def code(self) -> str:
        state = self.state
        if state.method == UNPOOLING:
            lines = [
                f"encoder = torch.tensor({state.encoder.tolist()})",
                f"values, indices = segmentation.max_pool(encoder, 2, stride={state.stride})",
                "steps = segmentation.max_unpool_steps(maps, indices, tuple(encoder.shape))",
            ]
        else:
            options = f"stride={state.stride}, padding={state.padding}"
            lines = [
                f"kernel = torch.tensor({state.kernel.tolist()})",
                f"steps = segmentation.transposed_convolution_steps(maps, kernel, {options})",
            ]
        maps = f"maps = torch.tensor({state.maps.tolist()})"
        return snippet(maps, *lines, f"print(steps[{self.step.value}].tolist())")

    def summary(self) -> str:
        state, (height, width) = self.state, self.state.steps.shape[1:]
        how = f"stride {state.stride}"
        how += f", padding {state.padding}, kernel {self.kernel.value}" if state.kernel is not None else ""
        return (
            f"{state.method.capitalize()} ({how}) of {state.maps.shape[0]} x {state.maps.shape[1]} numbers to"
            f" {height} x {width}, after {self.step.value} of {state.maps.numel()}."
        )

    def preview_title(self) -> str:
        return f"{self.title}: {self.state.method}"

    def preview(self) -> Figure:
        return preview_figure(self.state, self.step.value)

    # Callbacks of the controls.

    def _change_method(self) -> None:
        unpooling = self.method.value == UNPOOLING
        with self.hold_callbacks():
            self.stride.max = max(ENCODERS) if unpooling else 3
        self.padding.disabled = self.kernel.disabled = unpooling
        self._compute()

    def _compute(self) -> None:
        """Compute all steps; an impossible shape is reported, and the last possible one stays."""
        maps = self.inputs[self.method.value]
        if self.method.value == UNPOOLING:
            self.state = unpool(maps, self.stride.value)
        else:
            self.state = transpose(maps, KERNELS[self.kernel.value], self.stride.value, self.padding.value)
        with self.hold_callbacks():
            self.step.max = maps.numel()
        self.input.tiles = _tiles(maps)
        self.overlap_grid.tiles = map_tiles(
            self.state.overlap_counts[None], "viridis", 0, max(2.0, float(self.state.overlap_counts.max()))
        )
        minimum, maximum = int(self.state.overlap_counts.min()), int(self.state.overlap_counts.max())
        self.overlap_grid.captions = [f"{minimum} to {maximum}"]
        self._show_step()

    def _show_step(self) -> None:
        state, step = self.state, self.step.value
        self.table.value = tables(state, step)
        self.sentence.value = f"<p>{step_sentence(state, step)}</p>"
        self.output.tiles = map_tiles(state.steps[step][None], SIGNED, *symmetric_range(state.steps, 1.0))
        self.output.captions = [f"{state.steps.shape[1]} x {state.steps.shape[2]} numbers"]
        with self.hold_callbacks():
            self.number.disabled = step == 0
            if step:
                row, column = divmod(step - 1, state.maps.shape[1])
                self.number.value = int(state.maps[row, column])
                self.input.point = [0, row, column]
            else:
                self.input.point = [-1, 0, 0]
        self._read_out()
        self.set_status(step_sentence(state, step))

    def _set_number(self) -> None:
        maps = self.inputs[self.method.value]
        if self.step.value == 0 or int(maps.flatten()[self.step.value - 1]) == self.number.value:
            return
        changed = maps.clone()
        changed.view(-1)[self.step.value - 1] = float(self.number.value)
        self.inputs[self.method.value] = changed
        self._compute()

    def _read_out(self) -> None:
        for grid, values in (
            (self.output, self.state.steps[self.step.value]),
            (self.overlap_grid, self.state.overlap_counts),
        ):
            tile, row, column = grid.point
            inside = tile >= 0 and row < values.shape[0] and column < values.shape[1]
            grid.readout = f"row {row}, column {column}: {values[row, column]:g}" if inside else ""

    def _choose(self) -> None:
        tile, row, column = self.input.point
        if tile >= 0:
            self.step.value = row * self.state.maps.shape[1] + column + 1


def _tiles(maps: Tensor) -> dict:
    return map_tiles(torch.as_tensor(maps)[None], SIGNED, *symmetric_range(maps, 1.0))
