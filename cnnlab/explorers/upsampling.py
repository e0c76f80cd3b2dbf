"""The enlargement explorer: max unpooling and transposed convolution, one number at a time."""

from __future__ import annotations

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.sheet import Sheet, map_tiles
from cnnlab.explorers.stamping import (
    ENCODERS,
    INPUTS,
    KERNELS,
    UNPOOLING,
    WAYS,
    Enlargement,
    drawn,
    stamped,
    tables,
    unpooled,
    words,
)
from cnnlab.explorers.still import still_figure
from cnnlab.figures.colours import SIGNED
from cnnlab.figures.palettes import symmetric_range


class EnlargementExplorer(Explorer):
    """How does a small map become a larger one? Step through the two ways up of lecture K, with its numbers or your own.

    Controls
    --------
    method
        Max unpooling, or transposed convolution.
    step
        How many numbers of the input have been set down; the arrow keys step.
    number
        The number whose turn it is: change it. Another one is chosen in the input's picture, or by stepping.
    stride, padding, kernel
        How far apart the windows or stamps lie; what is cut off at the border; which kernel is stamped.

    Example
    -------
    >>> explorer = EnlargementExplorer()
    >>> explorer.way.value, explorer.step.value = "transposed convolution", 2
    >>> explorer.shown.steps[2][0].tolist()
    [120.0, 30.0, -150.0, 0.0]
    """

    title = "Ways up"
    question = "How does a small map become a larger one?"

    def __init__(self, way: str = UNPOOLING):
        super().__init__(nn.Identity())  # it asks no network
        self.inputs: dict[str, Tensor] = {name: numbers.clone() for name, numbers in INPUTS.items()}
        self.shown: Enlargement | None = None
        self._make_controls(way)
        self._lay_out()
        self.begin()
        self.watch(self._change_way, self.way)
        self.watch(self._compute, self.stride, self.padding, self.kernel)
        self.watch(self._show_step, self.step)
        self.watch(self._renumber, self.number)
        self.watch(self._choose, self.input, name="point")
        self.watch(self._read_out, self.output, self.hits, name="point")

    def refresh(self) -> None:
        self._change_way()

    def code(self) -> str:
        now = self.shown
        lines = ["import torch", "from cnnlab import segmentation", ""]
        lines += [f"maps = torch.tensor({now.maps.tolist()})"]
        if now.way == UNPOOLING:
            lines += [
                f"encoder = torch.tensor({now.encoder.tolist()})",
                f"values, places = segmentation.max_pool(encoder, 2, stride={now.stride})",
                "steps = segmentation.max_unpool_steps(maps, places, tuple(encoder.shape))",
            ]
        else:
            options = f"stride={now.stride}, padding={now.padding}"
            lines += [
                f"kernel = torch.tensor({now.kernel.tolist()})",
                f"steps = segmentation.transposed_convolution_steps(maps, kernel, {options})",
            ]
        return "\n".join([*lines, f"print(steps[{self.step.value}].tolist())"])

    def describe(self) -> str:
        now, (height, width) = self.shown, self.shown.steps.shape[1:]
        how = f"stride {now.stride}"
        how += f", padding {now.padding}, kernel {self.kernel.value}" if now.kernel is not None else ""
        return (
            f"Enlargement explorer: {now.way} ({how}) of {now.maps.shape[0]} x {now.maps.shape[1]} numbers to"
            f" {height} x {width}, after {self.step.value} of {now.maps.numel()}. Run the cell to step through it."
        )

    def still(self) -> bytes:
        figure = drawn(self.shown, self.step.value)
        figure.suptitle(f"{self.title}: {self.shown.way}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self, way: str) -> None:
        self.way = widgets.Dropdown(options=WAYS, value=way, description="Way up")
        self.stride = widgets.IntSlider(1, min=1, max=2, description="Stride")
        self.padding = widgets.IntSlider(0, min=0, max=2, description="Padding")
        self.kernel = widgets.Dropdown(options=list(KERNELS), description="Kernel")
        self.step = widgets.IntSlider(2, min=0, max=4, description="Step")
        self.number = widgets.IntSlider(0, min=-500, max=500, step=10, description="Number")
        self.input = Sheet(columns=1, largest=150, pick="pixel", label="Input: choose a number")
        self.output = Sheet(columns=1, largest=220, pick="pixel", label="Output, violet below zero")
        self.hits = Sheet(columns=1, largest=150, pick="pixel", label="How many numbers meet at each place")
        self.table, self.told = widgets.HTML(), widgets.HTML()

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Network": [],
                "Picture": [],
                "Way up": [self.way, self.stride, self.padding, self.kernel],
                "The number whose turn it is": [self.input, self.number],
            },
            stage=[heading("Number by number"), self.step, self.table, self.told],
            result=[heading("The whole"), self.output, self.hits],
            names=[
                *names_for(self.way, "way", "Way up"),
                *names_for(self.stride, "stride", "Stride"),
                *names_for(self.padding, "padding", "Padding"),
                *names_for(self.kernel, "kernel", "Kernel"),
                *names_for(self.step, "step", "Numbers that have been set down"),
                *names_for(self.number, "number", "The number whose turn it is"),
            ],
        )

    # What happens when a control changes.

    def _change_way(self) -> None:
        unpooling = self.way.value == UNPOOLING
        with self.quiet():
            self.stride.max = max(ENCODERS) if unpooling else 3
        self.padding.disabled = self.kernel.disabled = unpooling
        self._compute()

    def _compute(self) -> None:
        """All steps anew; an impossible shape is told, and the last possible one stays."""
        maps = self.inputs[self.way.value]
        if self.way.value == UNPOOLING:
            self.shown = unpooled(maps, self.stride.value)
        else:
            self.shown = stamped(maps, KERNELS[self.kernel.value], self.stride.value, self.padding.value)
        with self.quiet():
            self.step.max = maps.numel()
        self.input.tiles = _tiles(maps)
        self.hits.tiles = map_tiles(
            self.shown.hits[None], "viridis", 0, max(2.0, float(self.shown.hits.max()))
        )
        least, most = int(self.shown.hits.min()), int(self.shown.hits.max())
        self.hits.captions = [f"{least} to {most}"]
        self._show_step()

    def _show_step(self) -> None:
        now, step = self.shown, self.step.value
        self.table.value = tables(now, step)
        self.told.value = f"<p>{words(now, step)}</p>"
        self.output.tiles = map_tiles(now.steps[step][None], SIGNED, *symmetric_range(now.steps, 1.0))
        self.output.captions = [f"{now.steps.shape[1]} x {now.steps.shape[2]} numbers"]
        with self.quiet():
            self.number.disabled = step == 0
            if step:
                row, column = divmod(step - 1, now.maps.shape[1])
                self.number.value = int(now.maps[row, column])
                self.input.point = [0, row, column]
            else:
                self.input.point = [-1, 0, 0]
        self._read_out()
        self.say(words(now, step))

    def _renumber(self) -> None:
        maps = self.inputs[self.way.value]
        if self.step.value == 0 or int(maps.flatten()[self.step.value - 1]) == self.number.value:
            return
        changed = maps.clone()
        changed.view(-1)[self.step.value - 1] = float(self.number.value)
        self.inputs[self.way.value] = changed
        self._compute()

    def _read_out(self) -> None:
        for sheet, values in ((self.output, self.shown.steps[self.step.value]), (self.hits, self.shown.hits)):
            tile, row, column = sheet.point
            inside = tile >= 0 and row < values.shape[0] and column < values.shape[1]
            sheet.answer = f"row {row}, column {column}: {values[row, column]:g}" if inside else ""

    def _choose(self) -> None:
        tile, row, column = self.input.point
        if tile >= 0:
            self.step.value = row * self.shown.maps.shape[1] + column + 1


def _tiles(maps: Tensor) -> dict:
    return map_tiles(torch.as_tensor(maps)[None], SIGNED, *symmetric_range(maps, 1.0))
