"""Networks and brains: the visual pathway, dissimilarity matrices, and kernel analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from cnnlab.features import KernelCurve
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_lines, finish, level_line, show_map
from cnnlab.figures.colours import LINES

_TURN = np.linspace(0, 2 * np.pi, 60)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)])
_DOT = 0.1 * _CIRCLE
_VENTRAL = {  # area of the "what" pathway -> what drives many of its neurons, and a sketch of it
    "retina, LGN": ("spots of light", [0.35 * _CIRCLE, 0.75 * _CIRCLE]),
    "V1": ("edges of one\norientation", [np.array([[-0.45, 0.45], [-0.75, 0.75]])]),
    "V2": ("corners,\ntextures", [np.array([[-0.65, 0.0, 0.65], [-0.55, 0.6, -0.55]])]),
    "V4": ("curves, parts\nof shapes", [0.7 * _CIRCLE[:, 8:44]]),
    "IT": (
        "objects,\nfaces",
        [0.8 * _CIRCLE, _DOT + [[-0.3], [0.2]], _DOT + [[0.3], [0.2]], 0.45 * _CIRCLE[:, 34:56]],
    ),
}
_STEP = 2.6


def pathway_figure(fields: Mapping[str, float], network: str = "network") -> AltTextFigure:
    """The visual pathway of primates as a diagram, and below it layers of a network with their receptive fields.

    Above, the areas of the ventral ("what") pathway, each with a sketch of a preferred stimulus, and the branch of the dorsal ("where")
    pathway. Below, for each layer the picture as a square, and in it the receptive field, to scale. That a layer stands below
    an area shows the same order, not the same function.

    Parameters
    ----------
    fields
        Name of a layer -> side of its receptive field as a share of the picture's side; shares above 1 are drawn as 1.
    network
        Name of the network.

    Raises
    ------
    ValueError
        If there is no layer, more than five, or a share is not positive.

    References
    ----------
    Hubel & Wiesel (1962) for V1; Gross, Rocha-Miranda & Bender (1972) for IT; Ungerleider & Mishkin (1982) for the two pathways.
    Lecture L, "Visual cortex".
    """
    if not 1 <= len(fields) <= len(_VENTRAL) or min(fields.values()) <= 0:
        raise ValueError(f"give one to {len(_VENTRAL)} layers with shares above 0, but got {dict(fields)}.")
    areas = [f"{name} ({text})".replace("\n", " ") for name, (text, _) in _VENTRAL.items()]
    layers = [f"{name} {min(share, 1):.0%}" for name, share in fields.items()]
    alt_text = f"The ventral pathway: {', '.join(areas)}; the dorsal pathway leaves V1 and V2 for MT and parietal cortex. Below,"
    alt_text += (
        f" layers of {network}, with their receptive fields as shares of the picture: {', '.join(layers)}."
    )
    figure = AltTextFigure(figsize=(10, 5.2), dpi=90, alt_text=alt_text)
    axis = figure.subplots()
    what, where = LINES[0][0], LINES[1][0]
    style = {"ha": "center", "va": "center", "fontsize": 10}
    for column, (name, (text, sketch)) in enumerate(_VENTRAL.items()):
        x = column * _STEP
        axis.plot(x + _CIRCLE[0], _CIRCLE[1], color=what, linewidth=1.5)
        for line in sketch:
            axis.plot(x + 0.8 * line[0], 0.8 * line[1], color="black", linewidth=1.8)
        axis.text(x, 1.35, name, fontweight="bold", **style)
        axis.text(x, -1.6, text, **style)
        if column:
            _arrow(axis, (x - _STEP + 1.05, 0), (x - 1.05, 0), what)
    for column, text in ((2, "MT: motion"), (3, "parietal cortex:\nplaces, actions")):
        axis.text(column * _STEP + 1.3, 3.0, text, color=where, **style)
    for column in (1, 2):
        _arrow(axis, (column * _STEP + 0.2, 1.7), (2 * _STEP + 0.35, 2.75), where)
    _arrow(axis, (2 * _STEP + 2.35, 3.0), (3 * _STEP + 0.05, 3.0), where)
    for column, (name, share) in enumerate(fields.items()):
        x, side = column * _STEP, 2 * min(share, 1)
        axis.add_patch(Rectangle((x - 1, -5), 2, 2, facecolor="0.93", edgecolor="0.4"))
        axis.add_patch(Rectangle((x - side / 2, -4 - side / 2), side, side, facecolor=what, alpha=0.65))
        axis.text(x, -2.65, name, fontweight="bold", **style)
        axis.text(x, -5.4, f"{min(share, 1):.0%} of the side", **style)
        if column:
            _arrow(axis, (x - _STEP + 1.05, -4), (x - 1.05, -4), "0.35")
    for y, text, colour in ((3, "where?", where), (0, "what?", what), (-4, network, "black")):
        axis.text(-1.4, y, text, color=colour, fontsize=11, ha="right", va="center")
    axis.set(xlim=(-3.4, 4 * _STEP + 1.2), ylim=(-5.8, 3.6), aspect="equal")
    axis.set_axis_off()
    return figure


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.3})


def rdm_figure(
    tables: Mapping[str, Tensor], labels: Tensor | Sequence[int], class_names: Sequence[str], title: str = ""
) -> AltTextFigure:
    """Representational dissimilarity matrices of the same images, sorted by class; each with its own colour range, four in two rows.

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
    columns = len(tables) if len(tables) < 4 else 2
    rows = -(-len(tables) // columns)
    figure = AltTextFigure(
        figsize=(3.3 * columns + 0.9, 3.7 * rows), alt_text=f"{title}. {alt_text}" if title else alt_text
    )
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(tables) :]:
        axis.set_axis_off()
    for number, (axis, (name, table)) in enumerate(zip(axes, tables.items(), strict=False)):
        values = table[order][:, order].numpy()
        apart = values[~np.eye(len(values), dtype=bool)]
        low, high = np.quantile(apart, (0.01, 0.99))
        heatmap = show_map(axis, torch.from_numpy(values), name, 9, cmap="viridis", vmin=low, vmax=high)
        axis.set_yticks(
            middles, class_names if number % columns == 0 else [""] * len(class_names), fontsize=8
        )
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
