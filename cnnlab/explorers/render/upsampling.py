"""Unpooling and transposed convolution number by number, for the upsampling explorer; without any widget."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from cnnlab.explorers.static_preview import canvas
from cnnlab.figures.segmentation import numbers_on
from cnnlab.segmentation import (
    bilinear_kernel,
    max_pool,
    max_unpool_steps,
    transposed_convolution,
    transposed_convolution_steps,
)

UNPOOLING, TRANSPOSED = METHODS = ("max unpooling", "transposed convolution")
KERNELS = {
    "lecture K": torch.tensor([[1.0, -1], [2, -2]]),
    "ones, 2 x 2": torch.ones(2, 2),
    "ones, 3 x 3": torch.ones(3, 3),
    "tent (bilinear, factor 2)": bilinear_kernel(2),
}
ENCODERS = {
    1: torch.tensor([[120.0, 150, 120], [100, 50, 110], [25, 25, 10]]),  # of lecture K
    2: torch.tensor([[120.0, 150, 120, 90], [100, 50, 110, 100], [25, 25, 10, 200], [60, 80, 30, 150]]),
}
"""The maps before pooling, by the stride of the windows: overlapping ones as in the lecture, and adjacent ones."""
INPUTS = {UNPOOLING: torch.tensor([[300.0, 450], [100, 250]]), TRANSPOSED: ENCODERS[1]}
"""The numbers of lecture K."""


@dataclass(frozen=True, eq=False)
class State:
    """A map h x w and all steps of its upsampling, (h w + 1) x H x W.

    For unpooling, `encoder` (H x W) is the map before pooling and `max_indices` (h x w) are its maxima; for a transposed convolution
    `kernel` is the kernel. `overlap_counts` (H x W) is the number of summands at each position.
    """

    method: str
    maps: Tensor
    steps: Tensor
    overlap_counts: Tensor
    stride: int
    padding: int = 0
    encoder: Tensor | None = None
    max_indices: Tensor | None = None
    kernel: Tensor | None = None


def unpool(maps: Tensor, stride: int) -> State:
    """Max unpooling of h x w numbers, into the windows of 2 x 2 of `ENCODERS[stride]`."""
    encoder = ENCODERS[stride]
    _, max_indices = max_pool(encoder, 2, stride=stride)
    size = tuple(encoder.shape)
    overlap_counts = max_unpool_steps(torch.ones_like(maps), max_indices, size)[-1]
    steps = max_unpool_steps(maps, max_indices, size)
    return State(UNPOOLING, maps, steps, overlap_counts, stride, encoder=encoder, max_indices=max_indices)


def transpose(maps: Tensor, kernel: Tensor, stride: int, padding: int) -> State:
    """Transposed convolution of h x w numbers."""
    options = {"stride": stride, "padding": padding}
    steps = transposed_convolution_steps(maps, kernel, **options)
    overlap_counts = transposed_convolution(torch.ones_like(maps), torch.ones_like(kernel), **options)
    return State(TRANSPOSED, maps, steps, overlap_counts, **options, kernel=kernel)


def tables(state: State, step: int) -> str:
    """The tables of one step side by side, as HTML; the current number and the outputs that it changes are highlighted."""
    h, w = state.maps.shape
    turn = [["now" if n == step else "done" if n < step else "todo" for n in _row(r, w)] for r in range(h)]
    changed = state.steps[step] != state.steps[max(step - 1, 0)]
    output = _table(
        "output so far",
        state.steps[step],
        [["now" if is_changed else "done" for is_changed in row] for row in changed.tolist()],
    )
    input_table = _table("input", state.maps, turn)
    if state.method == UNPOOLING:
        window = _window(state, step)
        pooled_table = _table("was pooled", state.encoder, window)
        return f'<div class="cnnlab-sum">{pooled_table}{_sign("and")}{input_table}{_sign("→")}{output}</div>'
    number = float(state.maps.flatten()[step - 1]) if step else 0.0
    kernel = _table("kernel", state.kernel, [["done"] * state.kernel.shape[1]] * len(state.kernel))
    stamp = _table("stamp", number * state.kernel, [["now"] * state.kernel.shape[1]] * len(state.kernel))
    stamp = f"{_sign('=')}{stamp}" if step else ""
    return f'<div class="cnnlab-sum">{input_table}{_sign("×")}{kernel}{stamp}{_sign("→")}{output}</div>'


def step_sentence(state: State, step: int) -> str:
    """One or two sentences on one step."""
    count, width = state.maps.numel(), state.maps.shape[1]
    if step == 0:
        return f"{count} numbers to come, the output is empty. Step through them with the slider."
    number = float(state.maps.flatten()[step - 1])
    row, column = divmod(step - 1, width)
    sentence = f"Number {step} of {count}: {_number_text(number)}"
    if state.method == UNPOOLING:
        top, left = divmod(int(state.max_indices[row, column]), state.encoder.shape[1])
        before = float(state.steps[step - 1][top, left])
        sentence += (
            f" goes to row {top}, column {left}, where the maximum {_number_text(float(state.encoder[top, left]))} of its window"
            " stood."
        )
        if before:
            total = float(state.steps[step][top, left])
            sentence += f" There it is added: {_number_text(before)} + {_number_text(number)} = {_number_text(total)}."
        return sentence
    top, left = row * state.stride - state.padding, column * state.stride - state.padding
    sentence += f" times the kernel is stamped with its upper left corner at row {_number_text(top)}, column {_number_text(left)}."
    overlaps = ((state.steps[step] != state.steps[step - 1]) & (state.steps[step - 1] != 0)).nonzero()
    if len(overlaps):
        y, x = overlaps[0].tolist()
        before, after = float(state.steps[step - 1][y, x]), float(state.steps[step][y, x])
        added = _number_text(after - before)
        sentence += f" At row {y}, column {x} stamps meet: {_number_text(before)} + ({added}) = {_number_text(after)}."
    return sentence


def preview_figure(state: State, step: int) -> Figure:
    """Static preview: input, pooled map or kernel, and output."""
    figure = canvas(8.4, 2.9)
    left, middle, right = figure.subplots(1, 3)
    turn = torch.zeros_like(state.maps, dtype=torch.bool)
    turn.view(-1)[max(step - 1, 0)] = step > 0
    numbers_on(left, state.maps, turn)
    if state.method == UNPOOLING:
        is_max = [[cell_state == "now" for cell_state in row] for row in _window(state, step)]
        numbers_on(middle, state.encoder, torch.tensor(is_max))
    else:
        numbers_on(middle, state.kernel)
    numbers_on(right, state.steps[step], state.steps[step] != state.steps[max(step - 1, 0)])
    other = "was pooled (2 x 2 windows)" if state.method == UNPOOLING else "kernel"
    for axis, title in ((left, "input"), (middle, other), (right, f"output after {step} numbers")):
        axis.set_title(title, fontsize=9.5)
    return figure


def _window(state: State, step: int) -> list[list[str]]:
    """For each number that was pooled: whether it is the remembered maximum, in its window, or neither."""
    height, width = state.encoder.shape
    states = [["todo"] * width for _ in range(height)]
    if step == 0:
        return [["done"] * width for _ in range(height)]
    row, column = divmod(step - 1, state.maps.shape[1])
    for y in range(row * state.stride, row * state.stride + 2):
        for x in range(column * state.stride, column * state.stride + 2):
            states[y][x] = "done"
    top, left = divmod(int(state.max_indices[row, column]), width)
    states[top][left] = "now"
    return states


def _row(row: int, width: int) -> range:
    return range(row * width + 1, row * width + width + 1)


def _table(caption: str, values: Tensor, states: Sequence[Sequence[str]]) -> str:
    rows = []
    for line, state in zip(values.tolist(), states, strict=True):
        cells = "".join(
            f'<td class="cnnlab-{how}">{_number_text(value)}</td>'
            for value, how in zip(line, state, strict=True)
        )
        rows.append(f"<tr>{cells}</tr>")
    return (
        f'<table class="cnnlab-sum-matrix"><caption>{html.escape(caption)}</caption>{"".join(rows)}</table>'
    )


def _sign(text: str) -> str:
    return f'<span class="cnnlab-sum-sign">{text}</span>'


def _number_text(value: float) -> str:
    return f"{value:g}".replace("-", "−")
