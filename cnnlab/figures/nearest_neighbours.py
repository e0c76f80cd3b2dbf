"""Which pictures are alike: rows of neighbours, precision@k, and maps with pictures on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from cnnlab.features import grid_assignment
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import RIGHT, WRONG, class_colours

_MARKS = "osD^vPX*"


def neighbours_figure(
    pictures: Any, queries: Sequence[int], neighbours: Mapping[str, Tensor], labels: Sequence[int] | Tensor
) -> AltTextFigure:
    """For each query a row for each layer: the query, then its nearest pictures, framed by whether they show its class.

    The frame is blue where the class is the same, and dashed in orange where it is another.

    Parameters
    ----------
    pictures
        N x 3 x H x W in [0, 1], the collection.
    queries
        Q row numbers in it.
    neighbours
        For each layer the Q x k neighbours, as `cnnlab.features.neighbours(...).index` gives them.
    labels
        N class indices.
    """
    names, labels = list(neighbours), torch.as_tensor(labels)
    if not names or any(len(index) != len(queries) for index in neighbours.values()):
        raise ValueError("found must hold one row of neighbours for each query, in each layer.")
    k = neighbours[names[0]].shape[1]
    alt_text = (
        f"{len(queries)} queries with their {k} nearest pictures in {', '.join(names)}; blue frames show the query's class,"
        " dashed orange ones another."
    )
    cell = min(1.0, 9.0 / (k + 1))
    rows = len(queries) * len(names)
    figure = AltTextFigure(figsize=(cell * (k + 1) + 1.0, cell * rows + 0.1), dpi=90, alt_text=alt_text)
    axes = figure.subplots(rows, k + 1, squeeze=False)
    for number, query in enumerate(queries):
        for line, name in enumerate(names):
            row = axes[number * len(names) + line]
            indices = [int(query), *neighbours[name][number].tolist()]
            for axis, index in zip(row, indices, strict=True):
                axis.imshow(pictures[index].permute(1, 2, 0).numpy(), interpolation="auto")
                axis.set(xticks=[], yticks=[])
                same = bool(labels[index] == labels[query])
                ink = "black" if axis is row[0] else RIGHT if same else WRONG
                for spine in axis.spines.values():
                    spine.set(color=ink, linewidth=2.2, capstyle="butt")  # wider caps would fill the gaps
                    spine.set_linestyle("-" if same else (0, (2.5, 1.5)))
            row[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center", labelpad=4)
    return figure


def precision_figure(
    curves: Mapping[str, Tensor | Sequence[float]], chance: float | None = None, width: float = 7.0
) -> AltTextFigure:
    """precision@k against k, a line with a mark of its own for each layer, in the order given from dark to bright; `chance` is dotted."""
    curves = {name: np.asarray(curve, dtype=float) for name, curve in curves.items()}
    if not curves:
        raise ValueError("there is nothing to show: give at least one curve.")
    order = sorted(curves, key=lambda name: curves[name][0], reverse=True)
    alt_text = f"precision@k against k; at the first neighbour the order is {', '.join(order)}."
    figure = AltTextFigure(figsize=(width, 0.55 * width + 0.6), alt_text=alt_text)
    axis = figure.subplots()
    for number, (name, curve) in enumerate(curves.items()):
        colour = _along(number, len(curves))
        axis.plot(
            *(np.arange(1, len(curve) + 1), curve),
            **{"color": colour, "linewidth": 1.6, "label": name},
            **{"marker": _MARKS[number % len(_MARKS)], "markersize": 5, "markevery": 2},
        )
    if chance is not None:
        axis.axhline(chance, color="0.3", linestyle=":", linewidth=1.2, label="chance")
    axis.set(ylim=(0, 1.02), xlabel="k (neighbours)", ylabel="share of the same class")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)
    plotted = axis.get_lines()
    plotted = [
        *sorted(plotted[: len(curves)], key=lambda line: -line.get_ydata()[-1]),
        *plotted[len(curves) :],
    ]
    axis.legend(handles=plotted, fontsize=9, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def map_figure(
    points: Tensor | Mapping[str, Tensor],
    labels: Sequence[int] | Tensor,
    names: Sequence[str],
    columns: int = 2,
) -> AltTextFigure:
    """Points on maps (each N x 2, first axis right, second up), coloured by their label, with a legend.

    A second sign goes with the colour: the points of every other label are squares, and where the points of a label lie together
    its name stands beside them.
    """
    maps = points if isinstance(points, Mapping) else {"": points}
    labels = np.asarray(torch.as_tensor(labels))
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    alt_text = f"{len(labels)} pictures as points, coloured by {len(set(labels.tolist()))} labels"
    alt_text += f"; maps of {', '.join(maps)}." if "" not in maps else "."
    figure = AltTextFigure(figsize=(4.6 * columns + 1.4, 4.3 * rows), alt_text=alt_text)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(maps) :]:
        axis.set_axis_off()
    for axis, (name, coordinates) in zip(axes, maps.items(), strict=False):
        coordinates = np.asarray(coordinates, dtype=float)
        for odd, mark in enumerate("os"):
            in_group = labels % 2 == odd
            axis.scatter(
                *coordinates[in_group].T, s=14, marker=mark, c=class_colours(labels[in_group]), linewidths=0
            )
        _name_groups(axis, coordinates, labels, names)
        axis.set(xticks=[], yticks=[])
        axis.set_title(name, fontsize=11)
    labels_present = sorted(set(labels.tolist()))
    handles = [
        Line2D([], [], marker="os"[i % 2], linestyle="", color=class_colours(np.array(i)), label=names[i])
        for i in labels_present
    ]
    figure.legend(handles=handles, loc="outside right center", fontsize=8, frameon=False)
    return figure


def picture_map_figure(
    points: Tensor, pictures: Any, *, grid: bool = False, size: float = 10.0
) -> AltTextFigure:
    """The pictures at their places on a map (N x 2); with `grid` each in a cell of its own, so that none covers another.

    The grid (`cnnlab.features.grid_assignment`) keeps neighbours together and gives up distances.
    """
    count = len(points)
    alt_text = (
        f"{count} pictures {'in a grid, alike ones side by side' if grid else 'at their places on a map'}."
    )
    if grid:
        cells = grid_assignment(points)
        rows, columns = (cells.amax(0) + 1).tolist()
        high, wide = pictures.shape[2:]
        gap = max(1, wide // 24)  # white between two pictures
        sheet = torch.ones(3, rows * (high + gap) - gap, columns * (wide + gap) - gap)
        for picture, (row, column) in zip(pictures, cells.tolist(), strict=True):
            top, left = row * (high + gap), column * (wide + gap)
            sheet[:, top : top + high, left : left + wide] = picture
        figure = AltTextFigure(figsize=(size, size * rows / columns), alt_text=alt_text)
        axis = figure.subplots()
        axis.imshow(sheet.permute(1, 2, 0).numpy(), interpolation="antialiased")
    else:
        figure = AltTextFigure(figsize=(size, 0.75 * size), alt_text=alt_text)
        axis = figure.subplots()
        axis.set(xlim=_span(points[:, 0]), ylim=_span(points[:, 1]))
        zoom = 72 * size / (1.7 * count**0.5) / pictures.shape[-1]
        for picture, point in zip(pictures, points.tolist(), strict=True):
            stamp = OffsetImage(picture.permute(1, 2, 0).numpy(), zoom=zoom)
            axis.add_artist(AnnotationBbox(stamp, point, frameon=False, pad=0))
    axis.set_axis_off()
    return figure


def _name_groups(axis: Axes, coordinates: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> None:
    """The name of each label whose points lie together, over their middle."""
    extent = np.ptp(coordinates, axis=0).max()
    for label in np.unique(labels):
        group = coordinates[labels == label]
        middle = np.median(group, axis=0)
        if np.median(np.linalg.norm(group - middle, axis=1)) < 0.05 * extent:
            text = axis.annotate(
                names[label], middle, (0, 7), textcoords="offset points", ha="center", size=8
            )
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _along(number: int, count: int) -> tuple:
    return matplotlib.colormaps["viridis"](0.82 * number / max(1, count - 1))  # its yellow end fades on white


def _span(values: Tensor) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    air = 0.05 * (high - low) or 1.0
    return low - air, high + air
