"""Image retrieval: mean average precision by layer, and by the number of dimensions kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_bars, draw_lines, finish, level_line
from cnnlab.figures.colours import LINES


def layer_scores_figure(
    scores: Mapping[str, Mapping[str, float]],
    rivals: Mapping[str, float] | None = None,
    width: float = 8.0,
    across: str = "layer",
) -> AltTextFigure:
    """Mean average precision by layer, a bar for each network; lines across show rivals that depend on no layer.

    `scores[network][layer]` holds the numbers; all networks have the same layers. `rivals` are numbers that depend on no layer,
    chance say, by name. `across` says what stands in the place of layers, such as "pooling".
    """
    layers = list(next(iter(scores.values()), {}))
    if not layers or any(list(row) != layers for row in scores.values()):
        raise ValueError("scores must hold the same layers for each network, and at least one.")
    best = {name: max(row, key=row.get) for name, row in scores.items()}
    alt_text = f"Mean average precision by {across}; the best {across} of " + ", of ".join(
        f"{name} is {layer} with {scores[name][layer]:.2f}" for name, layer in best.items()
    )
    alt_text += "".join(f"; {name} {height:.2f}" for name, height in (rivals or {}).items())
    axis = AltTextFigure(figsize=(width, 3.4), alt_text=f"{alt_text}.").subplots()
    series = {name: list(row.values()) for name, row in scores.items()}
    draw_bars(axis, layers, series, [colour for colour, *_ in LINES], hatches=("", "//"), written=True)
    for (name, height), dashes in zip((rivals or {}).items(), ("--", ":", "-."), strict=False):
        level_line(axis, height, name, ":" if name == "chance" else dashes)
    return finish(axis, across, "mean average precision", grid=None, ylim=(0, 1.05))


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
    axis = AltTextFigure(figsize=(width, 0.5 * width), alt_text=alt_text).subplots()
    points = {name: (list(curve), list(curve.values())) for name, curve in curves.items()}
    draw_lines(axis, points, [(colour, "-", point) for colour, _, point in LINES], alpha=0.9)
    for name, (colour, *_) in zip(curves, cycle(LINES), strict=False):
        if levels and name in levels:
            axis.axhline(levels[name], color=colour, linestyle="--", linewidth=1)
    if chance is not None:
        level_line(axis, chance, "chance")
    if mark is not None:
        axis.axvline(mark, color="0.5", linewidth=1)
    axis.set_xscale("log", base=2)
    ticks = _spaced_ticks(sorted(set().union(*curves.values())))
    axis.set_xticks(ticks, list(map(str, ticks)))
    axis.minorticks_off()
    return finish(axis, "dimensions kept", "mean average precision", grid=None, ylim=(0, 1.02))


def _spaced_ticks(ticks: Sequence[int]) -> list[int]:
    """Those ticks that do not run into each other on a logarithmic axis: numbers of three digits need two thirds of an octave."""
    spaced: list[int] = []
    for tick in ticks:
        if not spaced or tick >= 1.6 * spaced[-1]:
            spaced.append(tick)
    return spaced
