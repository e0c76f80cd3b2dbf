"""A small map on its way to a larger one, number by number: what the enlargement explorer shows, without any widget."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from cnnlab.figures.masks import numbers_on
from cnnlab.segmentation import (
    bilinear_kernel,
    max_pool,
    max_unpool_steps,
    transposed_convolution,
    transposed_convolution_steps,
)

UNPOOLING, STAMPING = WAYS = ("max unpooling", "transposed convolution")
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
"""What was pooled, by the stride of the windows: overlapping ones as in the lecture, and windows side by side."""
INPUTS = {UNPOOLING: torch.tensor([[300.0, 450], [100, 250]]), STAMPING: ENCODERS[1]}
"""The numbers of lecture K."""


@dataclass(frozen=True, eq=False)
class Enlargement:
    """One map h x w and all steps to the larger one, (h w + 1) x H x W.

    For unpooling `encoder` (H x W) was pooled and `places` (h x w) are where its maxima stood; for a transposed convolution `kernel` is
    stamped. `hits` (H x W) says how many numbers meet at each place.
    """

    way: str
    maps: Tensor
    steps: Tensor
    hits: Tensor
    stride: int
    padding: int = 0
    encoder: Tensor | None = None
    places: Tensor | None = None
    kernel: Tensor | None = None


def unpooled(maps: Tensor, stride: int) -> Enlargement:
    """Max unpooling of h x w numbers, into the windows of 2 x 2 of `ENCODERS[stride]`."""
    encoder = ENCODERS[stride]
    _, places = max_pool(encoder, 2, stride=stride)
    size = tuple(encoder.shape)
    hits = max_unpool_steps(torch.ones_like(maps), places, size)[-1]
    steps = max_unpool_steps(maps, places, size)
    return Enlargement(UNPOOLING, maps, steps, hits, stride, encoder=encoder, places=places)


def stamped(maps: Tensor, kernel: Tensor, stride: int, padding: int) -> Enlargement:
    """Transposed convolution of h x w numbers."""
    options = {"stride": stride, "padding": padding}
    steps = transposed_convolution_steps(maps, kernel, **options)
    hits = transposed_convolution(torch.ones_like(maps), torch.ones_like(kernel), **options)
    return Enlargement(STAMPING, maps, steps, hits, **options, kernel=kernel)


def tables(now: Enlargement, step: int) -> str:
    """The tables of one step side by side, as HTML; the number whose turn it is stands out, as does what it changes."""
    h, w = now.maps.shape
    turn = [["now" if n == step else "done" if n < step else "todo" for n in _row(r, w)] for r in range(h)]
    changed = now.steps[step] != now.steps[max(step - 1, 0)]
    output = _table(
        "output so far",
        now.steps[step],
        [["now" if at else "done" for at in row] for row in changed.tolist()],
    )
    given = _table("input", now.maps, turn)
    if now.way == UNPOOLING:
        window = _window(now, step)
        pooled = _table("was pooled", now.encoder, window)
        return f'<div class="cnnlab-sum">{pooled}{_sign("and")}{given}{_sign("→")}{output}</div>'
    number = float(now.maps.flatten()[step - 1]) if step else 0.0
    kernel = _table("kernel", now.kernel, [["done"] * now.kernel.shape[1]] * len(now.kernel))
    stamp = _table("stamp", number * now.kernel, [["now"] * now.kernel.shape[1]] * len(now.kernel))
    stamp = f"{_sign('=')}{stamp}" if step else ""
    return f'<div class="cnnlab-sum">{given}{_sign("×")}{kernel}{stamp}{_sign("→")}{output}</div>'


def words(now: Enlargement, step: int) -> str:
    """One step in a sentence or two."""
    count, width = now.maps.numel(), now.maps.shape[1]
    if step == 0:
        return f"{count} numbers to come, the output is empty. Step through them with the slider."
    number = float(now.maps.flatten()[step - 1])
    row, column = divmod(step - 1, width)
    said = f"Number {step} of {count}: {_told(number)}"
    if now.way == UNPOOLING:
        top, left = divmod(int(now.places[row, column]), now.encoder.shape[1])
        before = float(now.steps[step - 1][top, left])
        said += (
            f" goes to row {top}, column {left}, where the maximum {_told(float(now.encoder[top, left]))} of its window"
            " stood."
        )
        if before:
            said += f" There it is added: {_told(before)} + {_told(number)} = {_told(float(now.steps[step][top, left]))}."
        return said
    top, left = row * now.stride - now.padding, column * now.stride - now.padding
    said += (
        f" times the kernel is stamped with its upper left corner at row {_told(top)}, column {_told(left)}."
    )
    met = ((now.steps[step] != now.steps[step - 1]) & (now.steps[step - 1] != 0)).nonzero()
    if len(met):
        y, x = met[0].tolist()
        before, after = float(now.steps[step - 1][y, x]), float(now.steps[step][y, x])
        added = _told(after - before)
        said += f" At row {y}, column {x} stamps meet: {_told(before)} + ({added}) = {_told(after)}."
    return said


def drawn(now: Enlargement, step: int) -> Figure:
    """The input, what goes with it and the output, as a still picture."""
    figure = Figure(figsize=(8.4, 2.9), dpi=90, layout="constrained", facecolor="white")
    left, middle, right = figure.subplots(1, 3)
    turn = torch.zeros_like(now.maps, dtype=torch.bool)
    turn.view(-1)[max(step - 1, 0)] = step > 0
    numbers_on(left, now.maps, turn)
    if now.way == UNPOOLING:
        places = [[state == "now" for state in row] for row in _window(now, step)]
        numbers_on(middle, now.encoder, torch.tensor(places))
    else:
        numbers_on(middle, now.kernel)
    numbers_on(right, now.steps[step], now.steps[step] != now.steps[max(step - 1, 0)])
    other = "was pooled (2 x 2 windows)" if now.way == UNPOOLING else "kernel"
    for axis, title in ((left, "input"), (middle, other), (right, f"output after {step} numbers")):
        axis.set_title(title, fontsize=9.5)
    return figure


def _window(now: Enlargement, step: int) -> list[list[str]]:
    """For each number that was pooled: whether it is the remembered maximum, in its window, or neither."""
    height, width = now.encoder.shape
    states = [["todo"] * width for _ in range(height)]
    if step == 0:
        return [["done"] * width for _ in range(height)]
    row, column = divmod(step - 1, now.maps.shape[1])
    for y in range(row * now.stride, row * now.stride + 2):
        for x in range(column * now.stride, column * now.stride + 2):
            states[y][x] = "done"
    top, left = divmod(int(now.places[row, column]), width)
    states[top][left] = "now"
    return states


def _row(row: int, width: int) -> range:
    return range(row * width + 1, row * width + width + 1)


def _table(caption: str, values: Tensor, states: Sequence[Sequence[str]]) -> str:
    rows = []
    for line, state in zip(values.tolist(), states, strict=True):
        cells = "".join(
            f'<td class="cnnlab-{how}">{_told(value)}</td>' for value, how in zip(line, state, strict=True)
        )
        rows.append(f"<tr>{cells}</tr>")
    return (
        f'<table class="cnnlab-sum-matrix"><caption>{html.escape(caption)}</caption>{"".join(rows)}</table>'
    )


def _sign(text: str) -> str:
    return f'<span class="cnnlab-sum-sign">{text}</span>'


def _told(value: float) -> str:
    return f"{value:g}".replace("-", "−")
