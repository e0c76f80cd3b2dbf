"""Nearest neighbours: rows of neighbours, precision@k, and two-dimensional embeddings as points or images."""

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
from torch.nn.functional import interpolate

from cnnlab.features import grid_assignment
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import ASIDE, bare, draw_lines, finish, level_line, show_image
from cnnlab.figures.colours import RIGHT, WRONG, class_colours
from cnnlab.figures.image_grid import tile_images

_MARKS = "osD^vPX*"
_DPI = 100
_PAGE = 10.2
"""The inches that a notebook shows at their full size."""


def neighbours_figure(
    pictures: Any, queries: Sequence[int], neighbours: Mapping[str, Tensor], labels: Sequence[int] | Tensor
) -> AltTextFigure:
    """Nearest neighbours of each query, a row for each layer: the query, then its neighbours, framed by right or wrong class.

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
    cell = min(1.6, 9.0 / (k + 1))
    rows = len(queries) * len(names)
    size = cell * (k + 1) + 1.0, cell * rows + 0.1
    figure = AltTextFigure(figsize=size, dpi=100, photographs=True, alt_text=alt_text)
    axes = figure.subplots(rows, k + 1, squeeze=False)
    for number, query in enumerate(queries):
        for line, name in enumerate(names):
            row = axes[number * len(names) + line]
            indices = [int(query), *neighbours[name][number].tolist()]
            for axis, index in zip(row, indices, strict=True):
                show_image(axis, pictures[index])
                same = bool(labels[index] == labels[query])
                ink = "black" if axis is row[0] else RIGHT if same else WRONG
                dashes = "-" if same else (0, (2.5, 1.5))
                # Wider caps would fill the gaps between the dashes.
                axis.spines[:].set(visible=True, color=ink, linewidth=2.2, capstyle="butt", linestyle=dashes)
            row[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center", labelpad=4)
    return figure


def precision_figure(
    curves: Mapping[str, Tensor | Sequence[float]], chance: float | None = None, width: float = 7.0
) -> AltTextFigure:
    """precision@k against k, a line for each layer, in the given order from dark to bright; `chance` is dotted."""
    curves = {name: np.asarray(curve, dtype=float) for name, curve in curves.items()}
    if not curves:
        raise ValueError("there is nothing to show: give at least one curve.")
    order = sorted(curves, key=lambda name: curves[name][0], reverse=True)
    alt_text = f"precision@k against k; at the first neighbour the order is {', '.join(order)}."
    axis = AltTextFigure(figsize=(width, 0.55 * width + 0.6), alt_text=alt_text).subplots()
    styles = [
        (_along(number, len(curves)), "-", _MARKS[number % len(_MARKS)]) for number in range(len(curves))
    ]
    draw_lines(axis, {name: (np.arange(1, len(y) + 1), y) for name, y in curves.items()}, styles, markevery=2)
    if chance is not None:
        level_line(axis, chance, "chance")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    # In the legend as the lines end: the highest at the top.
    lines = axis.get_lines()
    lines = [*sorted(lines[: len(curves)], key=lambda line: -line.get_ydata()[-1]), *lines[len(curves) :]]
    legend = ASIDE | {"handles": lines}
    up = "share of the same class"
    return finish(axis, "k (neighbours)", up, grid=None, legend=legend, ylim=(0, 1.02))


def map_figure(
    points: Tensor | Mapping[str, Tensor],
    labels: Sequence[int] | Tensor,
    names: Sequence[str],
    columns: int = 2,
) -> AltTextFigure:
    """Embeddings (each N x 2, first axis right, second up) as points, coloured by label, with a legend.

    Markers repeat what the colour says: the points of every other label are squares, and where the points of a label lie together
    its name stands beside them.
    """
    maps = points if isinstance(points, Mapping) else {"": points}
    labels = np.asarray(torch.as_tensor(labels))
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    alt_text = f"{len(labels)} pictures as points, coloured by {len(set(labels.tolist()))} labels"
    alt_text += f"; maps of {', '.join(maps)}." if "" not in maps else "."
    side = min(4.6, _PAGE / columns)
    figure = AltTextFigure(figsize=(side * columns, side * rows + 0.4), alt_text=alt_text)
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
        bare(axis, name, 11)
        axis.spines[:].set_visible(True)
    handles = [
        Line2D([], [], marker="os"[i % 2], linestyle="", color=class_colours(np.array(i)), label=names[i])
        for i in sorted(set(labels.tolist()))
    ]
    place = {
        "loc": "outside lower center",
        "ncols": min(len(handles), 10),
        "columnspacing": 1,
        "handletextpad": 0,
    }
    figure.legend(handles=handles, fontsize=10, frameon=False, **place)
    return figure


def picture_map_figure(
    points: Tensor,
    pictures: Any,
    *,
    grid: bool = False,
    zoom: Sequence[int] | None = None,
    size: float = 10.0,
) -> AltTextFigure:
    """Images at their positions in an embedding (N x 2); with `grid` each in its own cell, so that none covers another.

    The grid (`cnnlab.features.grid_assignment`) keeps neighbours together and gives up distances. `zoom` is a part of it, as
    (top, left, bottom, right) in cells, the last two outside: only that part is drawn, large.
    """
    count = len(points)
    alt_text = (
        f"{count} pictures {'in a grid, alike ones side by side' if grid else 'at their places on a map'}."
    )
    if grid:
        cells = grid_assignment(points)
        if zoom is not None:
            first, last = torch.tensor(zoom).view(2, 2)
            inside = ((cells >= first) & (cells < last)).all(1)
            if not inside.any():
                raise ValueError(f"no picture lies in the cells {tuple(zoom)} of {tuple(cells.amax(0) + 1)}.")
            cells, pictures = cells[inside] - cells[inside].amin(0), pictures[inside]
            alt_text = f"{len(cells)} of {alt_text}"
        rows, columns = (cells.amax(0) + 1).tolist()
        drawn = round(_DPI * size / columns)  # more pixels than that nobody would see
        high, wide = pictures.shape[2:]
        if wide > drawn:
            shape = round(high * drawn / wide), drawn
            pictures = interpolate(pictures, size=shape, mode="bilinear", antialias=True)
        sheet = tile_images(pictures, cells.tolist(), gap=max(1, pictures.shape[3] // 24))
        options = {"figsize": (size, size * rows / columns), "dpi": _DPI, "photographs": True}
        figure = AltTextFigure(**options, alt_text=alt_text)
        axis = figure.subplots()
        show_image(axis, sheet)
    else:
        figure = AltTextFigure(figsize=(size, 0.75 * size), alt_text=alt_text)
        axis = figure.subplots()
        axis.set(xlim=_span(points[:, 0]), ylim=_span(points[:, 1]))
        scale = 72 * size / (1.7 * count**0.5) / pictures.shape[-1]
        for picture, point in zip(pictures, points.tolist(), strict=True):
            stamp = OffsetImage(picture.permute(1, 2, 0).numpy(), zoom=scale)
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
