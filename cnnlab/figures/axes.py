"""Parts that several figures share: pictures without axes, outlines, boxes, lines, bars, tables of numbers and legends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from cnnlab.figures.colours import LINES

ASIDE = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
"""A legend to the right of the axes, where it hides no data."""


def bare(axis: Axes, title: str = "", size: float = 10) -> None:
    """No ticks and no frame, a title at most; unlike `set_axis_off` it leaves the title in the layout."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.set_title(title, fontsize=size)


def show_image(axis: Axes, image: Tensor, title: str = "", size: float = 11, **style: Any) -> None:
    """An image 3 x H x W in [0, 1] with its title and nothing else."""
    axis.imshow(image.detach().cpu().clamp(0, 1).permute(1, 2, 0).numpy(), **style)
    bare(axis, title, size)


def show_map(axis: Axes, values: Tensor, title: str = "", size: float = 11, **style: Any) -> AxesImage:
    """A map H x W in the colours of `style`, with hard pixels and nothing else."""
    bare(axis, title, size)
    return axis.imshow(values.detach().cpu().numpy(), interpolation="nearest", **style)


def pale_grey(image: Tensor, low: float = 0.75, high: float = 1.0) -> Tensor:
    """An image as grey between `low` and `high`, 3 x H x W: a background for colours that lie over it."""
    grey = low + (high - low) * image.detach().cpu().mean(dim=0, keepdim=True)
    return grey.clamp(0, 1).expand(3, -1, -1)


def outline(axis: Axes, mask: Tensor | None) -> None:
    """The outline of a mask H x W, white within black, to be seen on any background."""
    if mask is not None and mask.any() and not mask.all():
        for colour, width in (("black", 2.0), ("white", 0.9)):
            axis.contour(mask.cpu().float().numpy(), levels=[0.5], colors=colour, linewidths=width)


def draw_box(axis: Axes, box: Iterable[int], colour: str, label: str | None = None) -> None:
    """A box (top, left, bottom, right) around pixels, in a colour within black."""
    top, left, bottom, right = box
    corner, width, height = (left - 0.5, top - 0.5), right - left, bottom - top
    for line, ink, name in ((3.2, "black", None), (1.7, colour, label)):
        axis.add_patch(
            Rectangle(corner, width, height, fill=False, linewidth=line, edgecolor=ink, label=name)
        )


def draw_lines(
    axis: Axes,
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    styles: Iterable[tuple[Any, Any, str]] = LINES,
    rings: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    **options: Any,
) -> None:
    """A line (x, y) for each name, in the colours, dashes and marks of `styles` in turn.

    `rings` are points of a second measurement: hollow marks in the colour of the line of the same name, or, where it has no line,
    with a label of their own. `options` go to `Axes.plot`; marker="" draws lines alone.
    """
    rings = rings or {}
    for name, (colour, dashes, mark) in zip(dict.fromkeys([*curves, *rings]), cycle(styles), strict=False):
        if name in curves:
            style = {"marker": mark, "markersize": 4.5, "linewidth": 1.8, "label": name} | options
            axis.plot(*curves[name], color=colour, linestyle=dashes, **style)
        if name in rings:
            label = None if name in curves else f"{name} (live)"
            axis.plot(*rings[name], "o", color=colour, fillstyle="none", markersize=7.5, label=label)


def draw_bars(
    axis: Axes,
    names: Sequence[str],
    series: Mapping[str, Sequence[float]],
    colours: Sequence[str],
    *,
    hatches: Sequence[str] = ("",),
    intervals: Mapping[str, np.ndarray] | None = None,
    horizontal: bool = False,
    written: bool = False,
    slant: float = 0,
) -> None:
    """Bars in groups: a group for each name, in it a bar for each series; NaN leaves a gap.

    Parameters
    ----------
    names
        What stands below the groups.
    series
        Label of the legend -> a number for each name.
    colours, hatches
        Of the series, in turn.
    intervals
        Label of the legend -> 2 x N lengths below and above the ends of the bars.
    horizontal
        Bars to the right, the first name at the top.
    written
        Write each number at the end of its bar.
    slant
        Degrees by which the names are turned.
    """
    width = 0.8 / len(series)
    along, thickness, error = ("barh", "height", "xerr") if horizontal else ("bar", "width", "yerr")
    for number, (label, lengths) in enumerate(series.items()):
        lengths = np.asarray(lengths, dtype=float)
        known = ~np.isnan(lengths)
        positions = np.arange(len(names)) + (number - (len(series) - 1) / 2) * width
        style = {"color": colours[number % len(colours)], "hatch": hatches[number % len(hatches)]}
        if intervals and label in intervals:
            style |= {error: intervals[label][:, known], "error_kw": {"ecolor": "#37474f", "capsize": 2}}
        style |= {"edgecolor": "white", "linewidth": 0, "label": str(label), thickness: 0.92 * width}
        bars = getattr(axis, along)(positions[known], lengths[known], **style)
        if written:
            axis.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
    if horizontal:
        axis.set_yticks(range(len(names)), names)
        axis.invert_yaxis()
    else:
        name_ticks(axis, names, slant)


def name_ticks(axis: Axes, names: Sequence[str], slant: float = 0, size: float = 9) -> None:
    """Names below the positions 0, 1, 2 ..., turned by `slant` degrees."""
    turned = {"rotation": slant, "ha": "right", "rotation_mode": "anchor"} if slant else {}
    axis.set_xticks(range(len(names)), names, fontsize=size, **turned)


def draw_table(
    axis: Axes,
    values: np.ndarray,
    written: np.ndarray,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    *,
    size: float = 9,
    slant: float = 0,
    **style: Any,
) -> AxesImage:
    """A table as colours, with what is `written` in each cell in black or white, whichever can be read on its colour."""
    table = axis.imshow(values, interpolation="nearest", **{"aspect": "auto"} | style)
    for (row, column), text in np.ndenumerate(written):
        if text:
            ink = (
                "black"
                if table.to_rgba(values[row, column])[:3] @ np.array((0.3, 0.6, 0.1)) > 0.5
                else "white"
            )
            axis.text(column, row, text, ha="center", va="center", fontsize=size, color=ink)
    name_ticks(axis, columns, slant)
    axis.set_yticks(range(len(rows)), rows, fontsize=9)
    axis.tick_params(length=0)
    return table


def finish(
    axis: Axes,
    across: str = "",
    up: str = "",
    title: str = "",
    *,
    per_cent: bool = False,
    grid: str | None = "both",
    legend: Mapping[str, Any] | None = ASIDE,
    **limits: Any,
) -> Figure:
    """Labels, title, a pale grid and a legend for an axis with data; returns its figure.

    Parameters
    ----------
    across, up, title
        What stands below, beside and over the axis.
    per_cent
        Shares on the upright axis are written in per cent.
    grid
        "x", "y", "both" or None.
    legend
        Where the legend stands; None draws none.
    limits
        For `Axes.set`, such as `ylim`.
    """
    axis.set(xlabel=across, ylabel=up, **limits)
    axis.set_title(title, fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    if per_cent:
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if grid:
        axis.grid(axis=grid, alpha=0.3)
        axis.set_axisbelow(True)
    if legend is not None:
        axis.legend(**{"fontsize": 9, "frameon": False} | legend)
    return axis.figure


def interval_dot(axis: Axes, position: float, value: float, interval: Sequence[float], colour: str) -> None:
    """A value as a dot in the row `position`, with its interval as a bar."""
    axis.plot(interval, [position, position], color=colour, linewidth=2.3, solid_capstyle="butt")
    axis.plot(value, position, "o", color=colour, markersize=6)


def level_line(axis: Axes, height: float, label: str | None = None, style: str = ":") -> None:
    """A grey line across, such as chance."""
    axis.axhline(height, color="0.35", linestyle=style, linewidth=1.2, label=label)


def colour_legend(owner: Axes | Figure, colours: Mapping[str, Any], **options: Any) -> None:
    """A legend of colours with their names, for an axis or a whole figure; nothing if there is no colour."""
    patches = [Patch(facecolor=colour, edgecolor="0.4", label=name) for name, colour in colours.items()]
    if patches:
        owner.legend(handles=patches, **{"fontsize": 8.5, "frameon": False} | options)


def colour_scale(low: float, high: float, cmap: str) -> ScalarMappable:
    """The colours between two values, for the colour bar of maps that are partly transparent."""
    scale = ScalarMappable(cmap=cmap)
    scale.set_clim(low, high)
    return scale
