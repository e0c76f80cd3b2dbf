"""Filters as colour images, as tables of kernels, and beside their fits by Gabor functions and blobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor

from cnnlab._validation import one_of
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import colour_scale, draw_lines, finish, level_line, show_image, show_map
from cnnlab.figures.colours import LINES, SIGNED
from cnnlab.figures.image_grid import grid
from cnnlab.units import FilterFit

SCALES = ("filter", "layer")
"""What shares one colour scale: each filter has its own, or the largest weight of the layer sets it for all."""


def filter_limits(weights: Tensor, scale: str | float = "filter") -> Tensor:
    """The weight with full colour in each of N filters; a number sets it for all, such as a network's largest weight."""
    if isinstance(scale, int | float) and not isinstance(scale, bool):
        if not scale > 0:
            raise ValueError(f"a scale of colours is a weight above 0, but got {scale:g}.")
        return torch.full((len(weights),), float(scale))
    limits = weights.detach().abs().flatten(1).amax(1).float().cpu()
    if one_of(scale, SCALES, "scale") == "layer":
        limits = limits.max().expand(len(weights))
    return limits.clamp(min=1e-12)


def filter_colours(weights: Tensor, scale: str | float = "filter") -> Tensor:
    """First-layer filters as colour images: 1/2 + w / (2 limit), so that grey is zero.

    Parameters
    ----------
    weights
        N x 3 x k x k, such as `cnnlab.units.filters(model)`.
    scale
        "filter", "layer" or a number, see `filter_limits`. One scale for all shows which filters are strong; a scale of its own
        makes the pattern of each visible.

    Returns
    -------
    Tensor
        N x 3 x k x k in [0, 1].

    Raises
    ------
    ValueError
        If the filters do not read three colours.

    Example
    -------
    >>> filter_colours(torch.tensor([[[[0.5]], [[-1.0]], [[0.0]]]])).flatten()
    tensor([0.7500, 0.0000, 0.5000])
    """
    if weights.dim() != 4 or weights.shape[1] != 3:
        raise ValueError(
            "only filters that read red, green and blue are pictures, N x 3 x k x k; these came as"
            f" {' x '.join(map(str, weights.shape))}. Draw them with `kernels_figure`."
        )
    limits = filter_limits(weights, scale)[:, None, None, None]
    return (0.5 + weights.detach().float().cpu() / (2 * limits)).clamp(0, 1)


def filters_figure(
    weights: Tensor,
    captions: Sequence[str] | None = None,
    *,
    scale: str | float = "filter",
    columns: int = 12,
    width: float = 10.0,
) -> AltTextFigure:
    """First-layer filters as colour images in rows; arguments as in `filter_colours` and `grid`."""
    figure = grid(list(filter_colours(weights, scale)), captions, columns, width)
    for axis in figure.axes:
        axis.images[0].set_interpolation("nearest")
    figure.alt_text = f"{len(weights)} filters of {weights.shape[-1]} x {weights.shape[-2]} pixels as colours, grey is zero."
    return figure


def kernels_figure(
    weights: Tensor, units: Sequence[int], inputs: Sequence[int], scale: str | float = "layer"
) -> AltTextFigure:
    """Kernels of a deeper layer: a row for each unit, a column for each input map, weights on one signed colour scale.

    Parameters
    ----------
    weights
        N x C x k x k, such as `cnnlab.units.filters(model, "conv3")`.
    units, inputs
        Which of the N and of the C are shown.
    """
    limits = filter_limits(weights, scale)
    rows, columns = len(units), len(inputs)
    alt_text = f"{rows} units, {columns} of the {weights.shape[1]} kernels of each: signed weights, small and hard to read."
    figure = AltTextFigure(figsize=(10, 10 * rows / columns + 0.8), alt_text=alt_text)
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for axis, (unit, source) in zip(axes, product(units, inputs), strict=True):
        limit = float(limits[unit])
        title = f"map {source}" if unit == units[0] else ""
        show_map(axis, weights[unit, source], title, 8, cmap=SIGNED, vmin=-limit, vmax=limit)
        axis.spines[:].set_visible(True)  # weights near zero are as white as the page
        if source == inputs[0]:
            axis.set_ylabel(f"unit {unit}", fontsize=9)
    if len(set(limits[list(units)].tolist())) == 1:
        scale = colour_scale(-limit, limit, SIGNED)
        place = {"ax": figure.axes, "orientation": "horizontal", "fraction": 0.05, "aspect": 50}
        figure.colorbar(scale, label="weight", **place)
    return figure


def fit_figure(weights: Tensor, explained: FilterFit, chosen: Sequence[int]) -> AltTextFigure:
    """Filters, their better fit (Gabor function or blob) and the residual: a column for each of `chosen`."""
    weights = weights.detach().cpu().double()
    names = ["Gabor" if explained.is_gabor[i] else "blob" for i in chosen]
    alt_text = "; ".join(f"filter {i}: {name}" for i, name in zip(chosen, names, strict=True))
    figure = AltTextFigure(
        figsize=(10, 10 / len(chosen) * 3 + 0.6), alt_text=f"Filters, fits and what is left. {alt_text}."
    )
    axes = figure.subplots(3, len(chosen), squeeze=False)
    for column, (index, name) in enumerate(zip(chosen, names, strict=True)):
        limit = float(weights[index].abs().max())
        fit = explained.reconstruction[index]
        for axis, part in zip(axes[:, column], (weights[index], fit, weights[index] - fit), strict=True):
            show_image(axis, filter_colours(part[None], limit)[0], interpolation="nearest")
        axes[0, column].set_title(f"{name}\n$R^2$ {float(explained.r2[index]):.2f}", fontsize=9)
    for axis, word in zip(axes[:, 0], ("filter", "fit", "left over"), strict=True):
        axis.set_ylabel(word, fontsize=10)
    return figure


def share_figure(r2: Mapping[str, Tensor], threshold: float = 0.7) -> AltTextFigure:
    """Explained variance of each filter, sorted, a curve for each network; dotted if its name contains "untrained"."""
    shares = {name: float((values >= threshold).double().mean()) for name, values in r2.items()}
    alt_text = "; ".join(
        f"{name} {'mostly above' if share > 0.5 else 'mostly below'}" for name, share in shares.items()
    )
    axis = AltTextFigure(
        figsize=(8, 3.6),
        alt_text=f"Explained share of each filter, sorted, and the line at {threshold:g}: {alt_text}.",
    ).subplots()
    bases = list(dict.fromkeys(name.replace(" untrained", "") for name in r2))
    for name, values in r2.items():
        ordered = np.sort(values.numpy())[::-1]
        ranks = (np.arange(len(ordered)) + 0.5) / len(ordered)
        colour, _, mark = LINES[bases.index(name.replace(" untrained", "")) % len(LINES)]
        dashes, face = (":", "white") if "untrained" in name else ("-", colour)
        options = {"markevery": max(1, len(ordered) // 8), "markerfacecolor": face}
        draw_lines(axis, {name: (ranks, ordered)}, [(colour, dashes, mark)], **options)
    level_line(axis, threshold, style="--")
    title = "what a Gabor function or a blob of colour explains"
    across, up = "filters, the best explained first", "$R^2$ of the better fit"
    return finish(axis, across, up, title, grid=None, xlim=(0, 1), ylim=(0, 1))
