"""Filters as tiles and fits as text for the filter explorer; without any widget."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from cnnlab.explorers.image_grid import image_tiles, map_tiles
from cnnlab.explorers.snippet import literal, snippet
from cnnlab.explorers.static_preview import ACCENT
from cnnlab.figures import filter_colours, filter_limits
from cnnlab.figures.colours import SIGNED
from cnnlab.networks import layer_names, resolve_layer
from cnnlab.units import FilterFit

SCALES = {"each filter": "filter", "the layer": "layer", "the whole network": "network"}


def weighted_layers(model: nn.Module) -> list[str]:
    """Convolutions and fully connected layers, in the order in which they run."""
    return [
        name for name in layer_names(model) if isinstance(resolve_layer(model, name), nn.Conv2d | nn.Linear)
    ]


def scale_of(model: nn.Module, scale: str) -> str | float:
    """A colour scale for `filter_limits`: for the whole network its largest weight."""
    if scale != "network":
        return scale
    weights = (resolve_layer(model, name).weight for name in weighted_layers(model))
    return max(float(weight.detach().abs().max()) for weight in weights)


def reads_rgb(weights: Tensor) -> bool:
    """Whether the filters read red, green and blue, and so can be shown as pictures."""
    return weights.shape[1] == 3


def layer_tiles(weights: Tensor, scale: str | float, source: int = 0) -> dict:
    """One tile for each unit: its filter in colour, or, in deeper layers, its signed kernel for the input map `source`."""
    if reads_rgb(weights):
        return image_tiles(filter_colours(weights, scale))
    limits = filter_limits(weights, scale)[:, None, None]
    return map_tiles(weights[:, source].cpu() / limits, SIGNED, -1, 1)


def unit_tiles(weights: Tensor, unit: int, scale: str | float) -> dict:
    """One tile for each input map of the unit: its signed weights, at one colour scale."""
    limit = float(filter_limits(weights, scale)[unit])
    return map_tiles(weights[unit].cpu(), SIGNED, -limit, limit)


def fit_tiles(weight: Tensor, fit: FilterFit | None) -> tuple[dict, list[str]]:
    """Filter, fit and residual, at the filter's own scale; the filter alone if there is no fit yet."""
    parts, names = [weight.cpu().float()], ["the filter"]
    if fit is not None:
        fitted = fit.reconstruction[0].float()
        parts, names = [*parts, fitted, parts[0] - fitted], [*names, "the fit", "left over"]
    limit = max(float(weight.abs().max()), 1e-12)
    return image_tiles(filter_colours(torch.stack(parts), limit)), names


def fit_sentence(fit: FilterFit) -> str:
    """A sentence with the best fit to the filter, and the share of the variance that it explains."""
    share = f"explains {float(fit.r2[0]):.2f} of the filter (without its constant colour {float(fit.pattern_r2[0]):.2f})"
    if not bool(fit.is_gabor[0]):
        return f"A blob of colour {share}."
    degrees = math.degrees(float(fit.gabor.orientation[0]))
    return (
        f"A Gabor function {share}: the wave runs at {degrees:.0f} degrees, one period takes"
        f" {float(fit.gabor.wavelength[0]):.1f} pixels."
    )


def fit_captions(fits: Sequence[FilterFit], count: int) -> list[str]:
    """A caption for each of `count` units: its best fit and how good it is, for the fitted ones."""
    suffixes = [f", {'Gabor' if fit.is_gabor[0] else 'blob'} {float(fit.r2[0]):.2f}" for fit in fits]
    suffixes += [""] * (count - len(fits))
    return [f"unit {number}{suffix}" for number, suffix in enumerate(suffixes)]


def code(
    opening: str, untrained: bool, layer: str, weights: Tensor, scale: str | float, r2_threshold: float | None
) -> str:
    """The lines of code that draw the filters without the explorer; `opening` defines `model`.

    `untrained` takes the network before training; with `r2_threshold` the lines also fit Gabor functions and blobs and print the share
    of filters that are explained so far.
    """
    lines = [opening, *(["model = networks.reinitialise(model)"] if untrained else [])]
    lines += [f'weights = units.filters(model, "{layer}")']
    shared = f"{scale:.4g}" if isinstance(scale, float) else literal(scale)
    if reads_rgb(weights):
        lines += [f"figures.filters_figure(weights, scale={shared})"]
        if r2_threshold is not None:
            lines += [f"print(units.fit_filters(weights).fraction_explained({r2_threshold}))"]
    else:
        rows, columns = min(8, len(weights)), min(12, weights.shape[1])
        lines += [f"figures.kernels_figure(weights, range({rows}), range({columns}), scale={shared})"]
    return snippet(*lines)


def preview_figure(weights: Tensor, scale: str | float, source: int, unit: int) -> Figure:
    """Static preview: all filters of the layer, or all kernels for one input map, with a frame around the chosen unit."""
    count = min(len(weights), 64)
    columns = 16 if count > 32 else 8
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(8.4, 8.4 / columns * rows + 0.5), dpi=90, facecolor="white")
    # One pair of axes for all: they are slow to make.
    axis = figure.add_axes((0.01, 0.01, 0.98, 0.99 - 0.45 / figure.get_figheight()))
    pictures = filter_colours(weights[:count], scale) if reads_rgb(weights) else None
    limits = filter_limits(weights, scale)
    height, width = (length / max(weights.shape[2:]) * 0.94 for length in weights.shape[2:])
    for number in range(count):
        row, column = divmod(number, columns)
        left, top = column + (1 - width) / 2, row + (1 - height) / 2
        corners = left, left + width, top + height, top
        if pictures is not None:
            axis.imshow(pictures[number].permute(1, 2, 0).numpy(), interpolation="nearest", extent=corners)
        else:
            limit = float(limits[number])
            kernel = weights[number, source].cpu().numpy()
            axis.imshow(kernel, cmap=SIGNED, vmin=-limit, vmax=limit, extent=corners)
        if number == unit:
            axis.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=ACCENT, linewidth=3))
    axis.set(xlim=(0, columns), ylim=(rows, 0))
    axis.set_axis_off()
    return figure
