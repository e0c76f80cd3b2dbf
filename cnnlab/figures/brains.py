"""Comparison of representations: dissimilarity matrices, and kernel analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from cnnlab.features import KernelCurve
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_lines, finish, level_line, show_map


def rdm_figure(
    tables: Mapping[str, Tensor], labels: Tensor | Sequence[int], class_names: Sequence[str], title: str = ""
) -> AltTextFigure:
    """Representational dissimilarity matrices of the same images, sorted by class; each with its own colour range.

    Parameters
    ----------
    tables
        For each representation N x N, as `cnnlab.features.rdm` gives them. The names stand over the tables: say there where a
        population is simulated.
    labels, class_names
        N class indices, and the names of the classes.

    Raises
    ------
    ValueError
        If a table is not N x N.
    """
    labels = torch.as_tensor(labels)
    wrong = [name for name, table in tables.items() if table.shape != (len(labels), len(labels))]
    if wrong or not tables:
        raise ValueError(
            f"tables must be {len(labels)} x {len(labels)}, as there are so many labels; not so: {wrong}."
        )
    order = labels.argsort(stable=True)
    ends = labels.bincount(minlength=len(class_names)).cumsum(0)
    middles = (ends - labels.bincount(minlength=len(class_names)) / 2 - 0.5).tolist()
    alt_text = f"Dissimilarity of {len(labels)} pictures, sorted by {len(class_names)} classes, for: {'; '.join(tables)}."
    figure = AltTextFigure(
        figsize=(3.3 * len(tables) + 0.9, 3.7), alt_text=f"{title}. {alt_text}" if title else alt_text
    )
    axes = figure.subplots(1, len(tables), squeeze=False)[0]
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        values = table[order][:, order].numpy()
        apart = values[~np.eye(len(values), dtype=bool)]
        low, high = np.quantile(apart, (0.01, 0.99))
        heatmap = show_map(axis, torch.from_numpy(values), name, 9, cmap="viridis", vmin=low, vmax=high)
        axis.set_yticks(middles, class_names if axis is axes[0] else [""] * len(class_names), fontsize=8)
        axis.tick_params(length=0)
        for end in ends[:-1].tolist():
            axis.axhline(end - 0.5, color="white", linewidth=0.5)
            axis.axvline(end - 0.5, color="white", linewidth=0.5)
        bar = figure.colorbar(heatmap, ax=axis, location="bottom", fraction=0.05, pad=0.03)
        bar.ax.tick_params(labelsize=7)
        bar.set_label("unlike", fontsize=8)
    figure.suptitle(title, fontsize=11)
    return figure


def kernel_figure(curves: Mapping[str, KernelCurve], title: str = "") -> AltTextFigure:
    """Kernel analysis: precision against complexity, a line for each representation; high and far to the left is better.

    Raises
    ------
    ValueError
        If there is no curve.
    """
    if not curves:
        raise ValueError("there is nothing to show: give at least one curve.")
    order = sorted(curves, key=lambda name: curves[name].area, reverse=True)
    best = [f"{name} {float(curves[name].precision.max()):.2f}" for name in order]
    alt_text = f"{title or 'Kernel analysis'}: precision against complexity; the best precision of each, by the area below:"
    alt_text += f" {'; '.join(best)}."
    axis = AltTextFigure(figsize=(8, 3.4), alt_text=alt_text).subplots()
    draw_lines(axis, {name: (c.complexity, c.precision.clamp(min=-0.05)) for name, c in curves.items()})
    level_line(axis, 0)
    axis.set_xscale("log")
    return finish(axis, "complexity, 1 / lambda", "precision", title, ylim=(-0.06, 1.02))
