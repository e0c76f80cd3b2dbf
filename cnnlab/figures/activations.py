"""What units respond to: activation maps, strongest patches, and label agreement of units and random directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_box, draw_table, finish, level_line, show_image
from cnnlab.figures.colours import OUTLINE
from cnnlab.figures.image_grid import grid
from cnnlab.networks.data_loading import picture_at
from cnnlab.units import LabelAgreement, TopPatches

_GREY = 0.85


def maps_figure(maps: Tensor, names: Sequence[str], columns: int = 5) -> AltTextFigure:
    """The activation maps of some units (U x h x w) as grey images, a name under each.

    Each map has a scale of its own, black for its smallest value and white for its largest: that shows where a unit is active, not how
    strongly.

    Raises
    ------
    ValueError
        If there are no maps U x h x w, or the names are not as many.
    """
    if maps.dim() != 3 or 0 in maps.shape:
        raise ValueError(f"maps must have the axes U x h x w, but came as {tuple(maps.shape)}.")
    values = maps.detach().float().cpu()
    low, high = values.amin((1, 2), keepdim=True), values.amax((1, 2), keepdim=True)
    scaled = (values - low) / (high - low).clamp(min=1e-12)
    return grid(list(scaled[:, None].expand(-1, 3, -1, -1)), names, columns)


def patches_figure(
    top_patches: TopPatches,
    pictures: Any,
    rows: Sequence[int],
    names: Sequence[str] | None = None,
    *,
    whole: bool = False,
) -> AltTextFigure:
    """The image patches with the largest activations, a row for each unit, strongest first.

    Parameters
    ----------
    top_patches, pictures
        The result of `cnnlab.units.top_patches`, and the images N x 3 x H x W (or data set) that it searched.
    rows
        Rows of `top_patches`, such as unit numbers.
    names
        Row labels; "unit 17" and so on by default.
    whole
        Show the whole images, with the unit's receptive field as a box, instead of the patches alone.

    Raises
    ------
    ValueError
        If the names are not as many as the rows.
    """
    rows = [int(row) for row in rows]
    names = (
        [f"unit {int(top_patches.units[row])}" for row in rows] if names is None else [str(n) for n in names]
    )
    if not rows or len(names) != len(rows):
        raise ValueError(f"give rows and as many names, but {len(rows)} rows and {len(names)} names came.")
    count = top_patches.picture.shape[1]
    cell = 9.0 / count
    alt_text = f"The {count} strongest patches in layer {top_patches.layer} of: {', '.join(names)}."
    figure = AltTextFigure(figsize=(10.2, cell * len(rows) + 0.1), alt_text=alt_text, dpi=72)
    axes = figure.subplots(len(rows), count, squeeze=False)
    for line, row, name in zip(axes, rows, names, strict=True):
        patches = [None] * count if whole else top_patches.crops(pictures, row)
        for axis, index, box, patch in zip(
            line, top_patches.picture[row], top_patches.box[row].tolist(), patches, strict=True
        ):
            image = (
                picture_at(pictures, int(index)) if whole else _pad_patch(patch, box, top_patches.box[row])
            )
            show_image(axis, image)
            if whole and box != [0, 0, *image.shape[1:]]:
                draw_box(axis, box, OUTLINE)
        line[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center", labelpad=4)
    return figure


def agreement_figure(agreements: Mapping[str, LabelAgreement]) -> AltTextFigure:
    """Label agreement of the images that activate each unit, beside random directions; a panel for each name, such as a layer.

    Each point is a unit or a direction: the share of pairs among its strongest images with the same label. The bar is the mean, the
    dotted line the share for random images.
    """
    if not agreements:
        raise ValueError("there is nothing to show: give at least one agreement.")
    alt_text = " ".join(f"{name}: {describe_agreement(agreement)}" for name, agreement in agreements.items())
    figure = AltTextFigure(figsize=(3.2 * len(agreements) + 0.6, 3.4), alt_text=alt_text)
    axes = figure.subplots(1, len(agreements), squeeze=False, sharey=True)[0]
    rng = np.random.default_rng(0)
    for axis, (name, agreement) in zip(axes, agreements.items(), strict=True):
        for position, (values, colour) in enumerate(
            ((agreement.units, "#0072B2"), (agreement.directions, "#D55E00"))
        ):
            spread = position + rng.uniform(-0.24, 0.24, len(values))
            axis.plot(spread, values, "o", markersize=3, alpha=0.45, color=colour, markeredgewidth=0)
            ends = position - 0.32, position + 0.32
            axis.plot(ends, [float(values.mean())] * 2, color="black", linewidth=2)
        level_line(axis, agreement.chance)
        counts = f"units\n({len(agreement.units)})", f"random directions\n({len(agreement.directions)})"
        low, high = agreement.interval
        title = f"{name}: difference {agreement.difference:+.2f}\n95 %: {low:+.2f} to {high:+.2f}"
        finish(axis, title=title, grid=None, legend=None, xlim=(-0.5, 1.5), ylim=(-0.02, 1.02))
        axis.set_xticks([0, 1], counts, fontsize=9)
    axes[0].set_ylabel("pairs with the same label")
    return figure


def describe_agreement(agreement: LabelAgreement) -> str:
    """The result of comparing units with random directions, in one sentence without numbers."""
    low, high = agreement.interval
    if low > 0:
        return "pictures of a unit have more in common than those along a random direction."
    if high < 0:
        return "pictures along a random direction have more in common than those of a unit."
    return "units and random directions cannot be told apart: the interval of their difference holds zero."


def _pad_patch(patch: Tensor, box: list[int], boxes: Tensor) -> Tensor:
    """A patch cut off by the image border, padded with pale grey to the size of a full receptive field."""
    high, wide = int((boxes[:, 2] - boxes[:, 0]).max()), int((boxes[:, 3] - boxes[:, 1]).max())
    field = torch.full((3, high, wide), _GREY)
    top, left = box[0] == 0, box[1] == 0
    down = high - patch.shape[1] if top else 0
    across = wide - patch.shape[2] if left else 0
    field[:, down : down + patch.shape[1], across : across + patch.shape[2]] = patch
    return field


def agreement_table(table: Mapping[str, Mapping[str, float]]) -> AltTextFigure:
    """Label agreement in [0, 1] as a heat map with its numbers: a row for each category, a column for each layer."""
    rows, columns = list(table), list(next(iter(table.values())))
    values = np.array([[table[row][column] for column in columns] for row in rows])
    alt_text = f"Agreement of {', '.join(rows)} in the layers {', '.join(columns)}."
    figure = AltTextFigure(figsize=(1.6 + 1.0 * len(columns), 0.6 + 0.42 * len(rows)), alt_text=alt_text)
    axis = figure.subplots()
    written = np.char.mod("%.2f", values)
    draw_table(axis, values, written, rows, columns, size=10, cmap="Blues", vmin=0, vmax=1)
    axis.set_title("pairs of a unit's strongest patches with the same label", fontsize=10)
    return figure
