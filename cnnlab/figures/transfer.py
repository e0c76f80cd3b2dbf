"""Accuracies with repeated measurements: a line for each condition, with its interval over the repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_lines, finish, level_line
from cnnlab.figures.colours import LINES
from cnnlab.transfer.learning_curves import t_interval

ENOUGH = 3
"""The smallest number of repeats with an interval; with two, Student's t is wider than the axis."""


def repeats_figure(
    values: Mapping[str, Tensor],
    x_values: Sequence[str] | Sequence[float],
    *,
    title: str,
    across: str,
    up: str = "share of right answers",
    level: Mapping[str, float] | None = None,
    live: Mapping[str, Mapping[str | float, float]] | None = None,
) -> AltTextFigure:
    """Repeated measurements of each condition: every repeat as a dot, the mean as a line, and its 95 % interval as a band.

    Parameters
    ----------
    values
        For each condition, P x R numbers: P positions, R repeats (seeds, draws). The band needs three repeats or more.
    x_values
        P numbers, drawn on a logarithmic axis, or P names.
    title, across, up
        Title, x label and y label.
    level
        Dotted lines by name, such as chance.
    live
        Second measurements, as rings: for a condition, some of the positions and what was measured there.

    Raises
    ------
    ValueError
        If there is nothing to show, or a condition has another number of positions.
    """
    if not values or any(array.dim() != 2 or len(array) != len(x_values) for array in values.values()):
        shapes = ", ".join(f"{name} {tuple(array.shape)}" for name, array in values.items())
        raise ValueError(
            f"values must be places x repeats with {len(x_values)} places, but came as {shapes or 'nothing'}."
        )
    axis = AltTextFigure(
        figsize=(8, 3.6), alt_text=describe_repeats(values, x_values, title, across)
    ).subplots()
    _draw_repeats(axis, values, x_values, level or {}, live or {})
    return finish(axis, across, up, title, grid=None, ylim=(0, 1.02))


def repeats_panels_figure(
    panels: Mapping[str, Mapping[str, Tensor]],
    x_values: Sequence[str] | Sequence[float],
    *,
    across: str,
    up: str = "share of right answers",
    level: Mapping[str, Mapping[str, float]] | None = None,
    live: Mapping[str, Mapping[str, Mapping[str | float, float]]] | None = None,
) -> AltTextFigure:
    """`repeats_figure` for several tasks, two panels in a row; all have the same conditions. `level` and `live` are given by panel."""
    spoken = [describe_repeats(values, x_values, title, across) for title, values in panels.items()]
    rows = (len(panels) + 1) // 2
    figure = AltTextFigure(figsize=(9.6, 3.1 * rows + 0.3), alt_text=" ".join(spoken))
    grid = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
    for number, (axis, (title, values)) in enumerate(zip(grid.flat, panels.items(), strict=False)):
        _draw_repeats(axis, values, x_values, (level or {}).get(title, {}), (live or {}).get(title, {}))
        labels = across if number >= len(panels) - 2 else "", "" if number % 2 else up
        finish(axis, *labels, title, grid=None, legend=None, ylim=(0, 1.02))
    for axis in grid.flat[len(panels) :]:
        axis.set_axis_off()
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False, fontsize=9)
    return figure


def _draw_repeats(
    axis: Axes,
    values: Mapping[str, Tensor],
    x_values: Sequence[str] | Sequence[float],
    level: Mapping[str, float],
    live: Mapping[str, Mapping[str | float, float]],
) -> None:
    """The repeats, means, intervals, levels and rings of one panel."""
    named = isinstance(x_values[0], str)
    positions = np.arange(len(x_values)) if named else np.asarray(x_values, dtype=float)
    for number, (name, array) in enumerate(values.items()):
        colour, _, mark = style = LINES[number % len(LINES)]
        # A small shift, so that repeats of different conditions do not cover each other.
        aside = (number - (len(values) - 1) / 2) * 0.06
        shifted = positions + aside if named else positions * (1 + aside)
        axis.plot(shifted, array.numpy(), mark, color=colour, markersize=3.5, alpha=0.6)
        mean, low, high = (part.numpy() for part in t_interval(array.double()))
        if array.shape[1] >= ENOUGH:
            axis.fill_between(positions, low, high, color=colour, alpha=0.15, linewidth=0)
        measured = {positions[list(x_values).index(x)]: share for x, share in live.get(name, {}).items()}
        rings = {name: (list(measured), list(measured.values()))} if measured else None
        draw_lines(axis, {name: (positions, mean)}, [style], rings, markersize=6)
    for name, height in level.items():
        level_line(axis, height)
        side = "bottom" if height > 0.2 else "top"  # low lines have the data above them
        style = {"transform": axis.get_yaxis_transform(), "fontsize": 8, "color": "0.25"}
        axis.text(1, height, name, ha="right", va=side, **style)
    if not named:
        axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator(positions))
    axis.xaxis.set_major_formatter(FixedFormatter([str(label) for label in x_values]))
    axis.xaxis.set_minor_locator(NullLocator())


def describe_repeats(
    values: Mapping[str, Tensor], x_values: Sequence[str] | Sequence[float], title: str, across: str
) -> str:
    """The curves in words: the mean of each condition at both ends."""
    repeats = next(iter(values.values())).shape[1]
    sentences = [
        f"{name} {float(array[0].mean()):.2f} at {x_values[0]}, {float(array[-1].mean()):.2f} at {x_values[-1]}"
        for name, array in values.items()
    ]
    return (
        f"{title}. By {across}, {repeats} {'repeat' if repeats == 1 else 'repeats'}: {'; '.join(sentences)}."
    )


def column_table(
    rows: Sequence[Mapping], conditions: Sequence[str], x_column: str
) -> tuple[list, dict[str, Tensor]]:
    """The rows of a record as arguments of `repeats_figure`: the positions in order, and P x R numbers for each condition.

    Raises
    ------
    ValueError
        If the positions have different numbers of repeats.
    """
    x_values = list(dict.fromkeys(row[x_column] for row in rows))
    columns = {
        condition: [[row[condition] for row in rows if row[x_column] == x_value] for x_value in x_values]
        for condition in conditions
    }
    if len({len(repeats) for lines in columns.values() for repeats in lines}) != 1:
        raise ValueError(f"each {x_column} must have as many repeats as the others.")
    return x_values, {
        condition: torch.tensor(lines, dtype=torch.float64) for condition, lines in columns.items()
    }
