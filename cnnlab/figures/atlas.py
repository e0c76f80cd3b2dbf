"""Activation atlases: the picture of each cell at its place, with the classes that it feeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import SIGNED


def atlas_figure(
    cells: Sequence[Sequence[int]],
    pictures: Tensor,
    labels: Sequence[str],
    *,
    values: Sequence[float] | None = None,
    value_name: str = "",
    width: float = 11.0,
) -> AltTextFigure:
    """An activation atlas: the M pictures at their cells (row, column), a label under each.

    Parameters
    ----------
    cells
        M pairs (row, column); row 0 is at the top.
    pictures
        M x 3 x S x S in [0, 1].
    labels
        M short texts, such as the class that the cell feeds most.
    values
        M signed numbers, shown as the colour of the cell's frame; `value_name` says what they are.
    width
        In inches; eleven fit the width of a notebook.

    Raises
    ------
    ValueError
        If cells, pictures, labels and values differ in number.
    """
    count = len(cells)
    if (
        not count
        or not (len(pictures) == len(labels) == count)
        or len(values if values is not None else labels) != count
    ):
        raise ValueError(
            f"an atlas of {count} cells needs as many pictures, labels and values, and at least one."
        )
    rows = max(row for row, _ in cells) + 1
    columns = max(column for _, column in cells) + 1
    told = ", ".join(
        f"row {row} column {column}: {label}" for (row, column), label in zip(cells, labels, strict=True)
    )
    cell = width / columns
    high = cell * 1.17  # a line for the label
    bar = 0.75 if values is not None else 0.0
    options = {"layout": None, "dpi": 90, "photographs": True, "alt_text": f"Activation atlas. {told}."}
    figure = AltTextFigure(figsize=(width, rows * high + bar), **options)
    axis = figure.add_axes((0, bar / (rows * high + bar), 1, rows * high / (rows * high + bar)))
    axis.set(xlim=(0, columns), ylim=(rows * 1.17, 0))
    axis.set_axis_off()
    limit = float(np.abs(values).max()) or 1.0 if values is not None else 1.0
    colours = ScalarMappable(Normalize(-limit, limit), SIGNED)
    edge = 0.05 if values is not None else 0.01
    for number, ((row, column), picture, label) in enumerate(zip(cells, pictures, labels, strict=True)):
        top = row * 1.17
        if values is not None:
            axis.add_patch(Rectangle((column, top), 1, 1, color=colours.to_rgba(values[number]), linewidth=0))
        inside = (column + edge, column + 1 - edge, top + 1 - edge, top + edge)
        axis.imshow(
            picture.clamp(0, 1).permute(1, 2, 0).numpy(), extent=inside, interpolation="antialiased", zorder=2
        )
        axis.text(column + 0.5, top + 1.02, _shortened(label, cell), fontsize=11, ha="center", va="top")
    axis.set(xlim=(0, columns), ylim=(rows * 1.17, 0), aspect="auto")
    if values is not None:
        place = figure.add_axes((0.3, 0.48 / (rows * high + bar), 0.4, 0.12 / (rows * high + bar)))
        figure.colorbar(colours, cax=place, orientation="horizontal").set_label(value_name, fontsize=12)
        place.tick_params(labelsize=11)
    return figure


def _shortened(label: str, inches: float) -> str:
    """As much of a label as fits under a cell, at eleven points."""
    room = int(inches * 72 / 6.2)
    return label if len(label) <= room else f"{label[: room - 1].rstrip()}…"
