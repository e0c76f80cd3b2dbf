"""Evaluation of attribution maps: localisation and deletion scores, the parameter-randomisation check; ReLU rules in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from torch import Tensor

from cnnlab.attribution import RULES, SCORES, Comparison, Randomisation, relu_backward
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_lines, draw_table, finish, interval_dot
from cnnlab.figures.colours import CLASSES, LINES, SIGNED

_TITLES = {
    "pointing": "pointing game\n(more is better)",
    "mass": "relevance on the object\n(more is better)",
    "deletion": "deletion area\n(less is better)",
    "insertion": "insertion area\n(more is better)",
}
_BASELINES = {"centre": "-", "random": ":"}
_INK = CLASSES[2]


def relu_rules_figure(activation: Tensor, grad_output: Tensor) -> AltTextFigure:
    """ReLU backward rules in numbers: the activation, the incoming gradient, and the gradient that each of `RULES` passes on.

    `activation` and `grad_output` are H x W with at most 6 numbers each way. Gradients that a rule stops are struck out.
    """
    if activation.dim() != 2 or activation.shape != grad_output.shape or max(activation.shape) > 6:
        raise ValueError(
            "give two tables of the same shape with at most 6 x 6 numbers, not"
            f" {tuple(activation.shape)} and {tuple(grad_output.shape)}."
        )
    tables = {"forward: f": activation, "forward: max(f, 0)": activation.clamp_min(0), "back: R": grad_output}
    tables |= {f"{rule} hands on": relu_backward(activation, grad_output, rule) for rule in RULES}
    alt_text = "What a ReLU hands back, " + "; ".join(
        f"{rule}: {relu_backward(activation, grad_output, rule).add(0).tolist()}" for rule in RULES
    )
    figure = AltTextFigure(figsize=(10.0, 2.1), dpi=90, alt_text=alt_text + ".")
    limit = max(float(table.abs().max()) for table in tables.values()) * 1.6
    for axis, (name, table) in zip(figure.subplots(1, len(tables)), tables.items(), strict=True):
        table = table.add(0).numpy()  # + 0, since -0 would be written with its sign
        style = {"cmap": SIGNED, "vmin": -limit, "vmax": limit, "aspect": "equal"}
        draw_table(axis, table, np.char.mod("%g", table), size=12, **style)
        axis.set_title(name, fontsize=10)
        if name.endswith("hands on"):
            for row, column in np.argwhere((table == 0) & (grad_output.numpy() != 0)):
                axis.plot([column - 0.3, column + 0.3], [row + 0.3, row - 0.3], color="0.45", linewidth=1)
    return figure


def comparison_figure(comparison: Comparison) -> AltTextFigure:
    """Scores of attribution techniques, a panel each: means with 95 % intervals; lines show the baselines.

    A comparison may hold only some of `SCORES`, such as those that need no further forward pass.
    """
    scores = [score for score in SCORES if score in comparison.values]
    methods = [name for name in comparison.methods if name not in _BASELINES]
    alt_text = (
        f"{len(methods)} techniques, scored on the same pictures, beside a blob in the centre and noise. "
        + " ".join(
            f"{score}: "
            + ", ".join(f"{name} {comparison.of(name, score):.2f}" for name in comparison.methods)
            + "."
            for score in scores
        )
    )
    figure = AltTextFigure(figsize=(11.0, 0.36 * len(methods) + 1.35), dpi=90, alt_text=alt_text)
    axes = figure.subplots(1, len(scores), sharey=True, squeeze=False)[0]
    for axis, score in zip(axes, scores, strict=True):
        means, intervals = comparison.mean(score), comparison.interval(score)
        for name, style in _BASELINES.items():
            value = float(means[comparison.methods.index(name)])
            axis.axvline(value, color="0.45", linestyle=style, linewidth=1.4, label=f"{name}", zorder=0)
        for position, name in enumerate(methods):
            row = comparison.methods.index(name)
            interval_dot(axis, position, float(means[row]), intervals[row], _INK)
            end = float(intervals[row][1]), position
            axis.annotate(
                f"{means[row]:.2f}", end, (4, 0), textcoords="offset points", fontsize=8, va="center"
            )
        axis.set_yticks(range(len(methods)), methods, fontsize=9)
        axis.set_ylim(len(methods) - 0.5, -0.5)
        finish(axis, title=_TITLES[score], grid="x", legend=None)
        axis.tick_params(labelsize=8, length=2)
        axis.margins(x=0.16)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8.5, frameon=False)
    return figure


def randomisation_figure(results: Mapping[str, Randomisation]) -> AltTextFigure:
    """Similarity of each technique's map to the original while more and more layers are randomised.

    Lines are means over the pictures, bands hold the middle half of them. On the left the structural similarity of the maps
    without their signs, on the right the rank correlation of the maps as they are.
    """
    if not results:
        raise ValueError("give at least one technique's result.")
    first = next(iter(results.values()))
    if any(result.layers != first.layers for result in results.values()):
        raise ValueError("the results must have lost their weights in the same order of layers.")
    alt_text = (
        f"Likeness of maps while {len(first.layers)} layers lose their weights: {', '.join(results)}. "
        + " ".join(
            f"{name} ends at {float(result.similarity[:, -1].nanmean()):.2f}."
            for name, result in results.items()
        )
    )
    figure = AltTextFigure(figsize=(10.0, 3.6), dpi=90, alt_text=alt_text)
    panels = {"similarity": "structural similarity (sizes)", "correlation": "rank correlation (signed)"}
    names = ["none", *first.layers]
    positions = range(len(names))
    for axis, (field, title) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        curves = {}
        for (name, result), (colour, *_) in zip(results.items(), cycle(LINES), strict=False):
            values = getattr(result, field)
            curves[name] = positions, [1.0, *values.nanmean(0).tolist()]
            low, high = ([1.0, *values.nanquantile(share, dim=0).tolist()] for share in (0.25, 0.75))
            axis.fill_between(positions, low, high, color=colour, alpha=0.13, linewidth=0)
        draw_lines(axis, curves)
        finish(axis, "weights shuffled down to this layer", title=title, grid="y", legend=None)
        axis.axhline(0, color="0.6", linewidth=0.8)
        axis.set_xticks(positions, names, rotation=60, fontsize=8)
    figure.axes[0].legend(fontsize=8.5, frameon=False)
    return figure
