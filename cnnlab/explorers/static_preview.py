"""Static preview of an explorer: the picture that a saved notebook shows where no kernel runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from cnnlab.explorers.image_bytes import to_array
from cnnlab.figures.alt_figure import drawn, quantize_png
from cnnlab.figures.axes import draw_box
from cnnlab.figures.colours import OUTLINE, RIGHT, WRONG

ACCENT, PLAIN, INK = "#1976d2", "#b0bec5", "#37474f"
BESIDE = 2.4
"""Width of a chart in the narrow column beside the main view, in inches: it is hardly made smaller there, so its letters can be read."""


def canvas(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    return Figure(figsize=(width, height), dpi=90, layout="constrained", facecolor="white")


def picture_and_bars(
    picture: np.ndarray,
    entries: Sequence[dict],
    *,
    network_sees: np.ndarray,
    box: Sequence[float] | None = None,
    mask: np.ndarray | None = None,
) -> Figure:
    """The picture with its frame, the network's input, and the bars.

    `picture` and `network_sees` are H x W x 3 bytes; `box` is (left, top, size) as fractions of the picture's side; `entries` are
    the rows of `cnnlab.explorers.charts.ProbabilityBars`.
    """
    figure = canvas(8.4, 3.4)
    left, middle, right = figure.subplots(1, 3, width_ratios=(3, 1.6, 3.2))
    side = picture.shape[0]
    left.imshow(picture, interpolation="antialiased")
    if mask is not None:
        left.contour(mask, levels=[0.5], colors=OUTLINE, linewidths=1.5)
    if box is not None:
        x, y, size = (round(value * side) for value in box)
        draw_box(left, (y, x, y + size, x + size), "white")
    middle.imshow(network_sees, interpolation="nearest")
    height, width = network_sees.shape[:2]
    middle.set_title(f"what the network sees\n{width} x {height} pixels", fontsize=8, color=INK)
    for axis in (left, middle):
        axis.set_axis_off()
    _bars(right, entries)
    return figure


def draw_curve(axis: Axes, across: str) -> None:
    """Small letters and no frame around a plot that is shown beside the pictures."""
    axis.set_xlabel(across, fontsize=8, color=INK)
    axis.tick_params(labelsize=8, colors=INK)
    axis.spines[["top", "right"]].set_visible(False)


def draw_row(
    axes: Sequence[Axes], pictures: Sequence[Tensor], captions: Sequence[str], correct: Sequence[bool | None]
) -> None:
    """Draw pictures (3 x H x W) in a row with captions; a correct one has a tick and blue, a wrong one a cross and orange."""
    for axis, picture, caption, is_correct in zip(axes, pictures, captions, correct, strict=True):
        axis.imshow(to_array(picture), interpolation="antialiased")
        mark, ink = {None: ("", "black"), True: ("✓ ", RIGHT), False: ("✗ ", WRONG)}[is_correct]
        axis.set_title(mark + caption, fontsize=8, color=ink)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)


def figure_png(figure: Figure) -> bytes:
    """The static preview of any figure, as PNG bytes."""
    return quantize_png(drawn(figure))


def _bars(axis, entries: Sequence[dict]) -> None:
    positions = range(len(entries))
    probabilities = [entry["now"] for entry in entries]
    axis.barh(
        positions,
        probabilities,
        height=0.55,
        color=[ACCENT if entry["target"] else PLAIN for entry in entries],
    )
    for position, entry in zip(positions, entries, strict=True):
        axis.plot([entry["before"]] * 2, [position - 0.38, position + 0.38], color=INK, linewidth=1.5)
        axis.text(1.03, position, f"{entry['now']:.2f}", va="center", fontsize=9, color=INK)
    axis.set_yticks(list(positions), [entry["name"] for entry in entries])
    axis.set(xlim=(0, 1), ylim=(len(entries) - 0.4, -0.6), xlabel="probability; a line marks it uncovered")
    axis.tick_params(labelsize=9, colors=INK, length=0)
    axis.xaxis.label.set(size=8, color=INK)
    axis.spines[:].set_visible(False)
    axis.set_facecolor("#f5f7f8")
