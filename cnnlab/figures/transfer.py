"""Shares of right answers that were measured several times: a line for each way, with its interval over the repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from torch import Tensor

from cnnlab.figures.colours import LINES
from cnnlab.figures.plate import Plate
from cnnlab.transfer.curves import interval

ENOUGH = 3
"""Repeats from which on an interval is drawn; with two, Student's t is wider than the axis."""


def repeats_figure(
    values: Mapping[str, Tensor],
    places: Sequence[str] | Sequence[float],
    *,
    title: str,
    across: str,
    up: str = "share of right answers",
    level: Mapping[str, float] | None = None,
) -> Plate:
    """What was found at each place, for each way: every repeat as a dot, the mean as a line, and its 95 % interval as a band.

    Parameters
    ----------
    values
        For each way, P x R numbers: P places, R repeats (seeds, draws). The band needs three repeats or more.
    x_values
        P numbers, which are drawn at equal ratios, or P names.
    title, across, up
        Words over the figure, below and beside it.
    level
        Numbers that do not depend on the place, such as chance, by name: dotted.

    Raises
    ------
    ValueError
        If there is nothing to show, or the ways have other places or repeats than said.
    """
    if not values or any(one.dim() != 2 or len(one) != len(places) for one in values.values()):
        shapes = ", ".join(f"{name} {tuple(one.shape)}" for name, one in values.items())
        raise ValueError(
            f"values must be places x repeats with {len(places)} places, but came as {shapes or 'nothing'}."
        )
    named = isinstance(places[0], str)
    at = np.arange(len(places)) if named else np.asarray(places, dtype=float)
    figure = Plate(figsize=(8, 3.6), words=describe_repeats(values, places, title, across))
    axis = figure.subplots()
    for number, (name, one) in enumerate(values.items()):
        colour, dashes, mark = LINES[number % len(LINES)]
        mean, low, high = (part.numpy() for part in interval(one.double()))
        # Repeats of neighbouring ways stand beside one another, not upon one another.
        aside = (number - (len(values) - 1) / 2) * 0.06
        shifted = at + aside if named else at * (1 + aside)
        if one.shape[1] >= ENOUGH:
            axis.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
        axis.plot(shifted, one.numpy(), mark, color=colour, markersize=3.5, alpha=0.6)
        axis.plot(at, mean, color=colour, linestyle=dashes, linewidth=1.8, marker=mark, label=name)
    for name, height in (level or {}).items():
        axis.axhline(height, color="0.35", linestyle=":", linewidth=1.2)
        axis.annotate(
            name,
            (1, height),
            xycoords=axis.get_yaxis_transform(),
            fontsize=8,
            color="0.25",
            ha="right",
            va="bottom" if height > 0.2 else "top",  # low lines have the data above them
        )
    if not named:
        axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator(at))
    axis.xaxis.set_major_formatter(FixedFormatter([str(place) for place in places]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set(ylim=(0, 1.02), xlabel=across, ylabel=up)
    axis.set_title(title, fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=9, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def describe_repeats(
    values: Mapping[str, Tensor], places: Sequence[str] | Sequence[float], title: str, across: str
) -> str:
    """The curves in words: the mean of each way at both ends."""
    repeats = next(iter(values.values())).shape[1]
    said = [
        f"{name} {float(one[0].mean()):.2f} at {places[0]}, {float(one[-1].mean()):.2f} at {places[-1]}"
        for name, one in values.items()
    ]
    return f"{title}. By {across}, {repeats} {'repeat' if repeats == 1 else 'repeats'}: {'; '.join(said)}."


def column_table(rows: Sequence[Mapping], ways: Sequence[str], place: str) -> tuple[list, dict[str, Tensor]]:
    """The rows of a record as what `repeats_figure` draws: the places in their order, and P x R numbers for each way.

    Raises
    ------
    ValueError
        If the places were not repeated equally often.
    """
    places = list(dict.fromkeys(row[place] for row in rows))
    columns = {way: [[row[way] for row in rows if row[place] == at] for at in places] for way in ways}
    if len({len(repeats) for lines in columns.values() for repeats in lines}) != 1:
        raise ValueError(f"each {place} must have as many repeats as the others.")
    return places, {way: torch.tensor(lines, dtype=torch.float64) for way, lines in columns.items()}
