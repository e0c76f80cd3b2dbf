"""How well codes find the same thing again: mean average precision by layer, and by the number of dimensions that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import LINES


def layer_scores_figure(
    scores: Mapping[str, Mapping[str, float]],
    rivals: Mapping[str, float] | None = None,
    width: float = 8.0,
) -> AltTextFigure:
    """Mean average precision as bars: a group for each layer, a bar for each network (or way); a line across for each rival.

    `scores[network][layer]` holds the numbers; all networks have the same layers. `rivals` are numbers that depend on no layer,
    chance say, by name.
    """
    layers = list(next(iter(scores.values()), {}))
    if not layers or any(list(row) != layers for row in scores.values()):
        raise ValueError("scores must hold the same layers for each network, and at least one.")
    best = {name: max(row, key=row.get) for name, row in scores.items()}
    alt_text = "Mean average precision by layer; the best layer of " + ", of ".join(
        f"{name} is {layer} with {scores[name][layer]:.2f}" for name, layer in best.items()
    )
    alt_text += "".join(f"; {name} {height:.2f}" for name, height in (rivals or {}).items())
    figure = AltTextFigure(figsize=(width, 3.4), alt_text=f"{alt_text}.")
    axis = figure.subplots()
    wide = 0.8 / len(scores)
    for number, (name, row) in enumerate(scores.items()):
        positions = np.arange(len(layers)) + (number - (len(scores) - 1) / 2) * wide
        bar_options = {
            "color": LINES[number % len(LINES)][0],
            "hatch": ("", "//")[number % 2],
            "edgecolor": "white",
        }
        axis.bar(positions, list(row.values()), 0.92 * wide, label=name, **bar_options)
        for position, value in zip(positions, row.values(), strict=True):
            axis.text(position, value + 0.01, f"{value:.2f}", ha="center", fontsize=8)
    for (name, height), dashes in zip((rivals or {}).items(), ("--", ":", "-."), strict=False):
        style = ":" if name == "chance" else dashes
        axis.axhline(height, color="0.3", linestyle=style, linewidth=1.2, label=name)
    axis.set_xticks(range(len(layers)), layers)
    axis.set(ylabel="mean average precision", ylim=(0, 1.05))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def dimensions_figure(
    curves: Mapping[str, Mapping[int, float]],
    levels: Mapping[str, float] | None = None,
    chance: float | None = None,
    mark: int | None = None,
    width: float = 7.0,
) -> AltTextFigure:
    """Mean average precision against the dimensions kept, a line for each name.

    `levels` are the numbers of the same names without PCA, as dashed lines of the same colour; `mark` is a dimension to point at.
    """
    if not curves:
        raise ValueError("there is nothing to show: give at least one curve.")
    sentences = [
        f"{name} {curve[min(curve)]:.2f} with {min(curve)}, {curve[max(curve)]:.2f} with {max(curve)}"
        for name, curve in curves.items()
    ]
    alt_text = f"Mean average precision by dimensions kept: {'; '.join(sentences)}."
    figure = AltTextFigure(figsize=(width, 0.5 * width), alt_text=alt_text)
    axis = figure.subplots()
    ticks: set[int] = set()
    for (name, curve), (colour, _, point) in zip(curves.items(), LINES * len(curves), strict=False):
        ticks |= set(curve)
        axis.plot(
            list(curve), list(curve.values()), marker=point, markersize=5, color=colour, alpha=0.9, label=name
        )
        if levels and name in levels:
            axis.axhline(levels[name], color=colour, linestyle="--", linewidth=1)
    if chance is not None:
        axis.axhline(chance, color="0.3", linestyle=":", linewidth=1.2, label="chance")
    if mark is not None:
        axis.axvline(mark, color="0.5", linewidth=1)
    axis.set_xscale("log", base=2)
    axis.set_xticks(_spaced_ticks(sorted(ticks)), [str(tick) for tick in _spaced_ticks(sorted(ticks))])
    axis.minorticks_off()
    axis.set(xlabel="dimensions kept", ylabel="mean average precision", ylim=(0, 1.02))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _spaced_ticks(ticks: Sequence[int]) -> list[int]:
    """Those ticks that do not run into each other on a logarithmic axis."""
    spaced: list[int] = []
    for tick in ticks:
        if not spaced or tick >= 1.4 * spaced[-1]:
            spaced.append(tick)
    return spaced
