"""What parts are worth: claims and truths part by part, interactions, and the agreement of methods over many pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_table, finish, interval_dot
from cnnlab.figures.colours import CLASSES, LINES, SIGNED


def part_bars_figure(
    parts: Sequence[str], values: Mapping[str, Tensor], across: str = "logits", *, scaled: bool = False
) -> AltTextFigure:
    """A bar for each part and each of up to four series of P numbers, such as falls and rises.

    With `scaled` each series is divided by the largest of its sizes, to compare logits with claims of a map.
    """
    if any(len(series) != len(parts) for series in values.values()) or not 0 < len(values) <= len(LINES):
        raise ValueError(f"give one to {len(LINES)} series with a number for each of {len(parts)} parts.")
    numbers = {name: series.double().numpy() for name, series in values.items()}
    if scaled:
        numbers = {name: series / (np.abs(series).max() or 1) for name, series in numbers.items()}
    alt_text = "; ".join(
        f"{name}: " + ", ".join(f"{part} {value:.2f}" for part, value in zip(parts, series, strict=True))
        for name, series in numbers.items()
    )
    height = 0.8 / len(numbers)
    figure = AltTextFigure(figsize=(7.0, 1.1 + 0.38 * len(parts)), dpi=90, alt_text=alt_text + ".")
    axis = figure.subplots()
    rows = np.arange(len(parts))
    for number, ((name, series), (colour, *_)) in enumerate(zip(numbers.items(), cycle(LINES), strict=False)):
        hatch = ("", "///", "...", "xxx")[number]
        place = rows + (number - (len(numbers) - 1) / 2) * height
        axis.barh(place, series, height * 0.92, color=colour, label=name, hatch=hatch, edgecolor="white")
    axis.set_yticks(rows, parts, fontsize=9)
    axis.invert_yaxis()
    axis.axvline(0, color="0.4", linewidth=0.8)
    finish(axis, across, grid="x", legend=None)
    figure.legend(loc="outside upper center", ncols=len(numbers), fontsize=9, frameon=False)
    return figure


def interaction_figure(parts: Sequence[str], interaction: Tensor) -> AltTextFigure:
    """The interactions of P parts, P x P, as a table: above 0 the two need each other, below 0 one stands in for the other."""
    table = interaction.double().numpy()
    if table.shape != (len(parts), len(parts)):
        raise ValueError(f"the interactions of {len(parts)} parts are a square table, not {table.shape}.")
    pairs = [(i, j) for i in range(len(parts)) for j in range(i)]
    said = ", ".join(f"{parts[j]} and {parts[i]} {table[i, j]:.2f}" for i, j in pairs)
    side = 1.6 + 0.55 * len(parts)
    figure = AltTextFigure(figsize=(side + 0.6, side), dpi=90, alt_text=f"Interactions: {said}.")
    axis, limit = figure.subplots(), float(np.abs(table).max()) * 1.4 or 1.0
    words = np.char.mod("%.1f", np.round(table, 1) + 0.0)  # + 0, since -0 would be written with its sign
    np.fill_diagonal(words, "")
    draw_table(axis, table, words, size=9, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="equal")
    axis.set_xticks(range(len(parts)), parts, rotation=45, ha="right", fontsize=9)
    axis.set_yticks(range(len(parts)), parts, fontsize=9)
    return figure


def intervals_figure(
    intervals: Mapping[str, tuple[float, float, float]], across: str, baseline: str | None = None
) -> AltTextFigure:
    """Means with their intervals, (mean, low, high) by name, the largest first; a line marks the `baseline` among them."""
    names = sorted(intervals, key=lambda name: -intervals[name][0])
    alt_text = ", ".join("{} {:.2f} [{:.2f}, {:.2f}]".format(name, *intervals[name]) for name in names)
    figure = AltTextFigure(figsize=(7.0, 1.0 + 0.32 * len(names)), dpi=90, alt_text=f"{across}: {alt_text}.")
    axis = figure.subplots()
    for row, name in enumerate(names):
        mean, low, high = intervals[name]
        interval_dot(axis, row, mean, (low, high), CLASSES[2])
        axis.annotate(f"{mean:.2f}", (high, row), (4, 0), textcoords="offset points", fontsize=8, va="center")
    if baseline is not None:
        axis.axvline(intervals[baseline][0], color="0.45", linestyle="--", linewidth=1.2, zorder=0)
    axis.set_yticks(range(len(names)), names, fontsize=9)
    axis.set_ylim(len(names) - 0.5, -0.5)
    finish(axis, across, grid="x", legend=None)
    axis.margins(x=0.12)
    return figure


def claims_agreement_figure(table: Mapping[str, Mapping[str, float]], title: str) -> AltTextFigure:
    """Agreements in [-1, 1] as colours with their numbers: a row for each method, a column for each network."""
    rows, columns = list(table), list(next(iter(table.values())))
    values = np.array([[table[row][column] for column in columns] for row in rows])
    said = "; ".join(
        f"{row} {', '.join(f'{value:.2f}' for value in line)}" for row, line in zip(rows, values, strict=True)
    )
    alt_text = f"{title}, for {', '.join(columns)}: {said}."
    size = 2.2 + 0.85 * len(columns), 1.7 + 0.3 * len(rows)  # names are slanted
    figure = AltTextFigure(figsize=size, dpi=90, alt_text=alt_text)
    axis = figure.subplots()
    draw_table(
        axis, values, np.char.mod("%.2f", values), rows, columns, slant=30, cmap=SIGNED, vmin=-1, vmax=1
    )
    axis.set_title(title, fontsize=10)
    return figure
