"""Blobs: a Gaussian spot of one colour on another, and how much of a filter it explains.

Besides oriented edges (`cnnlab.units.gabor`), the first layer of trained networks has filters for colour alone: a round
patch, strongest in the middle, that fades into its opposite or into nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import pi

import torch
from torch import Tensor

from cnnlab.units.least_squares import (
    centred_channels,
    checked_filters,
    colour_fit,
    fit_pattern,
    to_bounded,
    to_unbounded,
)

MIN_SIGMA, MAX_ELONGATION = 1.0, 2.0
_N_STARTS = 8


@dataclass(frozen=True, eq=False)
class Blobs:
    """Blob fit: one blob for each of N filters of C channels and k x k pixels.

    Attributes
    ----------
    centre
        N x 2, row and column of the blob's centre, in pixels of the filter.
    sigma
        N x 2, the standard deviations along the two axes of the blob, in pixels.
    orientation
        N angles in [0, pi) of the first axis, from the right, counterclockwise.
    amplitude
        N heights of the blob above the offset, never negative.
    colour
        N x C unit vectors, from the offset's colour to the colour of the blob.
    offset
        N x C, the constant colour of the background.
    reconstruction
        N x C x k x k, the filter as reconstructed by the fit.
    r2
        N shares of the filter's variance (about one mean for all its numbers) explained by blob and offset.
    pattern_r2
        N shares of the variance over positions (about the mean of each channel) that are explained; 0 for a constant
        colour.
    """

    centre: Tensor
    sigma: Tensor
    orientation: Tensor
    amplitude: Tensor
    colour: Tensor
    offset: Tensor
    reconstruction: Tensor
    r2: Tensor
    pattern_r2: Tensor


def fit_blob(filters: Tensor) -> Blobs:
    """Blob fit: the Gaussian colour spot closest to each filter, and the share of the filter that it explains.

        w[c, y, x] = offset[c] + amplitude colour[c] exp(-u^2 / (2 sigma_1^2) - v^2 / (2 sigma_2^2))

    The constant background colour is free, and counts: a filter for orange on blue is orange in the middle and blue around,
    and one that is orange all over is the limit of a wide blob.

        r2 = 1 - sum (w - fit)^2 / sum (w - mean of w)^2

    with one mean for all numbers of the filter; `pattern_r2` takes the mean of each channel instead, so that a
    constant colour explains nothing.

    To count as a blob, the spot must have its centre within the filter, both widths between 1 pixel and the side of
    the filter, and one width at most twice the other (a longer one is a bar, which is left to `fit_gabor`).
    Chance level: white noise reaches an r2 of 0.04 (median) and 0.09 (the largest of 200) in 3 x 11 x 11 filters, 0.09
    and 0.20 in 3 x 7 x 7, 0.16 and 0.30 in 3 x 5 x 5.

    Parameters
    ----------
    filters
        N x C x k x k, or one C x k x k, with k of at least 5, such as `filters(model)`.

    Returns
    -------
    Blobs
        Tensors in float64 on the CPU, first axis N. A filter whose numbers are all the same has r2 0.

    Raises
    ------
    TypeError, ValueError
        If the filters are not a float tensor, not square, smaller than 5 x 5 or not finite.

    References
    ----------
    Lecture B, "Visualize Filters/Kernels" (blobs of colour beside edges); Krizhevsky, Sutskever & Hinton (2012),
    figure 3.

    Example
    -------
    >>> spot = blob_pattern(11, centre=(4.0, 6.0), sigma=(2.0, 3.0))
    >>> fit_blob(spot * torch.tensor([1.0, 0.2, -0.5])[:, None, None]).r2 > 0.99
    tensor([True])
    """
    weights = checked_filters(filters)
    size = weights.shape[-1]

    def spot(free: Tensor) -> Tensor:
        return free[5] * _pattern(free, size) + free[6]

    channels = centred_channels(weights)
    best = fit_pattern(spot, _initial_parameters(channels, size), channels)
    row, column, orientation, first, second = _to_parameters(best.T, size)
    return Blobs(
        centre=torch.stack([row, column], 1),
        sigma=torch.stack([first, second], 1),
        orientation=orientation.remainder(pi),
        **colour_fit(weights, torch.func.vmap(lambda free: _pattern(free, size))(best)),
    )


def blob_pattern(
    size: int,
    *,
    centre: tuple[float | Tensor, float | Tensor] | None = None,
    sigma: tuple[float | Tensor, float | Tensor] = (2.0, 2.0),
    orientation: float | Tensor = 0.0,
) -> Tensor:
    """Blob pattern: a Gaussian spot of height 1 on size x size pixels, in float64; parameters as in `Blobs`, centred by default.

    Example
    -------
    >>> blob_pattern(3, sigma=(1.0, 1.0))[1]
    tensor([0.6065, 1.0000, 0.6065], dtype=torch.float64)
    """
    row, column = ((size - 1) / 2, (size - 1) / 2) if centre is None else centre
    coordinates = torch.arange(size, dtype=torch.float64)
    right, up = (coordinates - column)[None, :], (row - coordinates)[:, None]
    angle = torch.as_tensor(orientation, dtype=torch.float64)
    u = right * angle.cos() + up * angle.sin()
    v = up * angle.cos() - right * angle.sin()
    return torch.exp(-(u**2) / (2 * sigma[0] ** 2) - v**2 / (2 * sigma[1] ** 2))


def _to_parameters(free: Tensor, size: int) -> tuple[Tensor, ...]:
    """Row, column, orientation and both widths from the first five free numbers.

    One of the two widths is free; the other lies between half and twice of it, and within the same bounds.
    """
    row, column = to_bounded(free[0], 0, size - 1), to_bounded(free[1], 0, size - 1)
    first = to_bounded(free[3], MIN_SIGMA, size)
    low = (first / MAX_ELONGATION).clamp(min=MIN_SIGMA)
    high = (first * MAX_ELONGATION).clamp(max=size)
    return row, column, free[2], first, to_bounded(free[4], low, high)


def _pattern(free: Tensor, size: int) -> Tensor:
    row, column, orientation, first, second = _to_parameters(free, size)
    return blob_pattern(size, centre=(row, column), sigma=(first, second), orientation=orientation).flatten()


def _initial_parameters(channels: Tensor, size: int) -> Tensor:
    """N x S x 7 free numbers to start from: the round spots that explain most, in the colour that fits best."""
    positions = torch.linspace(0.1, 0.9, 5, dtype=torch.float64)
    widths = torch.tensor([0.12, 0.2, 0.35, 0.6], dtype=torch.float64) * size
    angle = torch.zeros((), dtype=torch.float64)
    free = torch.stack(
        [
            torch.stack([row.logit(), column.logit(), angle, to_unbounded(width, MIN_SIGMA, size), angle])
            for row, column, width in product(positions, positions, widths)
        ]
    )
    spots = torch.func.vmap(lambda f: _pattern(f, size))(free)  # G x k*k
    spots = spots - spots.mean(1, keepdim=True)
    lengths = spots.norm(dim=1)
    energy = (channels @ (spots / lengths[:, None]).T).square().sum(1)  # N x G
    selected = energy.topk(_N_STARTS, dim=1).indices
    amplitudes = (size / lengths[selected]).unsqueeze(2)
    return torch.cat([free[selected], amplitudes, torch.zeros_like(amplitudes)], 2)
