"""Gabor functions: a wave under a Gaussian envelope, and how much of a filter it explains.

Many filters of the first layer of trained networks look like one (lecture B speaks of "Gabor-like filters"), as do cells of the
primary visual cortex. For colour blobs, the other common kind, see `cnnlab.units.blob`; for the better of both `cnnlab.units.filter_fit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import pi, tau

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

MIN_SIGMA, MIN_WAVELENGTH, WAVELENGTH_PER_SIGMA = 1.0, 2.0, 6.0
_N_STARTS = 8


@dataclass(frozen=True, eq=False)
class Gabors:
    """Gabor fit: one Gabor function for each of N filters of C channels and k x k pixels.

    Attributes
    ----------
    centre
        N x 2, row and column of the envelope's centre, in pixels of the filter.
    orientation
        N angles in [0, pi): the direction of the wave, across its stripes; measured from the right,
        counterclockwise.
    wavelength
        N lengths of a period, in pixels.
    phase
        N angles in (-pi, pi] at the centre: 0 is a bright bar, -pi/2 and pi/2 are edges.
    sigma, aspect
        N standard deviations of the envelope along the wave, in pixels; across the wave it is sigma / aspect.
    amplitude
        N heights of the wave, never negative.
    colour
        N x C unit vectors; the largest entry is positive.
    offset
        N x C, the constant colour of the background.
    reconstruction
        N x C x k x k, the filter as reconstructed by the fit.
    r2
        N shares of the filter's variance (about one mean for all its numbers) explained by function and offset.
    pattern_r2
        N shares of the variance over positions (about the mean of each channel) that are explained; 0 for a constant
        colour.
    """

    centre: Tensor
    orientation: Tensor
    wavelength: Tensor
    phase: Tensor
    sigma: Tensor
    aspect: Tensor
    amplitude: Tensor
    colour: Tensor
    offset: Tensor
    reconstruction: Tensor
    r2: Tensor
    pattern_r2: Tensor


def fit_gabor(filters: Tensor) -> Gabors:
    """Gabor fit: the Gabor function closest to each filter, and the share of the filter that it explains.

        w[c, y, x] = offset[c] + amplitude colour[c] exp(-(u^2 + aspect^2 v^2) / (2 sigma^2)) cos(2 pi u / wavelength + phase)

    with u along the wave and v across it, both from the centre. One colour direction for the whole filter: a
    filter with one pattern in red and another in blue is not explained. The share explained counts all
    channels,

        r2 = 1 - sum (w - fit)^2 / sum (w - mean of w)^2,

    and `pattern_r2` is the same with the mean of each channel, so that a constant colour counts for nothing.

    A formula with this many parameters can imitate much that is no Gabor function. So the centre lies
    within the filter; both widths of the envelope lie between 1 pixel (it cannot pick out a single pixel of
    noise) and half the filter (at the border of the filter it has fallen visibly); the wavelength is at least
    2 pixels (below, aliasing shows another wave) and at most twice the filter and 6 sigma (else no third
    of a period fits between -sigma and sigma, and the wave is not visible).
    Chance level: white noise reaches an r2 of 0.07 (median) and 0.13 (the largest of 200) in 3 x 11 x 11 filters, 0.16
    and 0.25 in 3 x 7 x 7, 0.27 and 0.41 in 3 x 5 x 5. Filters of one channel reach twice as much.

    The search starts from the eight best of about a thousand functions (all orientations, wavelengths,
    positions and widths on a grid; the best position and width for each orientation and wavelength), and refines them
    by Levenberg-Marquardt. It is deterministic.

    Parameters
    ----------
    filters
        N x C x k x k, or one C x k x k, with k of at least 5, such as `filters(model)`.

    Returns
    -------
    Gabors
        Tensors in float64 on the CPU, first axis N. A filter whose numbers are all the same has r2 0.

    Raises
    ------
    TypeError, ValueError
        If the filters are not a float tensor, not square, smaller than 5 x 5 or not finite.

    References
    ----------
    Daugman (1985), Uncertainty relation for resolution in space, spatial frequency, and orientation, equation 1;
    Jones & Palmer (1987), who fit it to cells of the cat. Lecture B, "Visualize Filters/Kernels".

    Example
    -------
    >>> edge = gabor_pattern(11, orientation=0.5, wavelength=8.0, phase=1.57, sigma=2.5)
    >>> fit_gabor(edge.expand(3, 11, 11)).r2 > 0.99
    tensor([True])
    """
    weights = checked_filters(filters)
    size = weights.shape[-1]

    def wave(free: Tensor) -> Tensor:
        return free[6] * _pattern(free, size, 0.0) + free[7] * _pattern(free, size, -pi / 2) + free[8]

    channels = centred_channels(weights)
    best = fit_pattern(wave, _initial_parameters(channels, size), channels)
    phase = torch.atan2(-best[:, 7], best[:, 6])
    patterns = torch.func.vmap(lambda free, phase: _pattern(free, size, phase))(best, phase)
    parts = colour_fit(weights, patterns)
    row, column, orientation, wavelength, along, across = _to_parameters(best.T, size)
    # One form of each function: the direction of the wave is in [0, pi), and the strongest colour is positive.
    is_reversed = orientation.remainder(tau) >= pi
    phase = torch.where(is_reversed, -phase, phase)
    strongest = parts["colour"].gather(1, parts["colour"].abs().argmax(1, keepdim=True)).squeeze(1)
    phase = torch.where(strongest < 0, phase + pi, phase)
    parts["colour"] = torch.where(strongest[:, None] < 0, -parts["colour"], parts["colour"])
    return Gabors(
        centre=torch.stack([row, column], 1),
        orientation=orientation.remainder(pi),
        wavelength=wavelength,
        phase=pi - (pi - phase).remainder(tau),
        sigma=along,
        aspect=along / across,
        **parts,
    )


def gabor_pattern(
    size: int,
    *,
    centre: tuple[float | Tensor, float | Tensor] | None = None,
    orientation: float | Tensor = 0.0,
    wavelength: float | Tensor = 6.0,
    phase: float | Tensor = 0.0,
    sigma: float | Tensor = 2.5,
    aspect: float | Tensor = 1.0,
) -> Tensor:
    """Gabor function on size x size pixels, in float64; its parameters are those of `Gabors`, amplitude 1, no offset.

    `centre` is (row, column), the middle by default.

    Example
    -------
    >>> gabor_pattern(3, wavelength=2.0, sigma=1e6)[0]
    tensor([-1.0000,  1.0000, -1.0000], dtype=torch.float64)
    """
    row, column = ((size - 1) / 2, (size - 1) / 2) if centre is None else centre
    coordinates = torch.arange(size, dtype=torch.float64)
    right, up = (coordinates - column)[None, :], (row - coordinates)[:, None]
    angle = torch.as_tensor(orientation, dtype=torch.float64)
    u = right * angle.cos() + up * angle.sin()
    v = up * angle.cos() - right * angle.sin()
    return torch.exp(-(u**2 + (aspect * v) ** 2) / (2 * sigma**2)) * torch.cos(tau * u / wavelength + phase)


def _to_parameters(free: Tensor, size: int) -> tuple[Tensor, ...]:
    """Row, column, orientation, wavelength and both widths from the first six free numbers."""
    row, column = to_bounded(free[0], 0, size - 1), to_bounded(free[1], 0, size - 1)
    along = to_bounded(free[4], MIN_SIGMA, size / 2)
    across = to_bounded(free[5], MIN_SIGMA, size / 2)
    wavelength = to_bounded(free[3], MIN_WAVELENGTH, _max_wavelength(along, size))
    return row, column, free[2], wavelength, along, across


def _max_wavelength(sigma: Tensor, size: int) -> Tensor:
    return (WAVELENGTH_PER_SIGMA * sigma).clamp(max=2.0 * size)


def _pattern(free: Tensor, size: int, phase: float | Tensor) -> Tensor:
    row, column, orientation, wavelength, along, across = _to_parameters(free, size)
    options = {"orientation": orientation, "wavelength": wavelength, "phase": phase}
    return gabor_pattern(size, centre=(row, column), sigma=along, aspect=along / across, **options).flatten()


def _initial_parameters(channels: Tensor, size: int) -> Tensor:
    """N x S x 9 free numbers to start from: for the best waves their best position and width, and the phase."""
    free, groups = _grid(size)
    even = torch.func.vmap(lambda f: _pattern(f, size, 0.0))(free)
    odd = torch.func.vmap(lambda f: _pattern(f, size, -pi / 2))(free)
    pair = torch.stack([even, odd], 2)  # G x k*k x 2
    basis, triangle = torch.linalg.qr(pair - pair.mean(1, keepdim=True))
    coefficients = torch.einsum("ncm,gmi->ngci", channels, basis)  # N x G x C x 2
    squares = coefficients.mT @ coefficients
    # Of all mixtures of even and odd wave, the one that explains most in one colour: the leading eigenvector.
    half = (squares[..., 0, 0] - squares[..., 1, 1]) / 2
    energy = (squares[..., 0, 0] + squares[..., 1, 1]) / 2 + (half**2 + squares[..., 0, 1] ** 2).sqrt()
    best, best_in_group = energy.view(len(channels), groups, -1).max(2)
    selected = best.topk(_N_STARTS, dim=1).indices  # N x S
    selected = selected * (len(free) // groups) + best_in_group.gather(1, selected)
    mixture = torch.linalg.eigh(squares[torch.arange(len(channels))[:, None], selected]).eigenvectors[..., 1:]
    amplitudes = torch.linalg.solve_triangular(triangle[selected], mixture, upper=True).squeeze(-1) * size
    return torch.cat([free[selected], amplitudes, torch.zeros_like(amplitudes[..., :1])], 2)


def _grid(size: int) -> tuple[Tensor, int]:
    """G x 6 free numbers, ordered by orientation and wavelength, and how many such pairs there are."""
    angles = torch.arange(8, dtype=torch.float64) * pi / 8
    fractions = torch.tensor([0.02, 0.15, 0.35, 0.6, 0.9], dtype=torch.float64)  # of the span of wavelengths
    positions = torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)
    widths = torch.tensor([0.12, 0.2, 0.35], dtype=torch.float64) * size
    rows = []
    for angle, fraction, row, column, width in product(angles, fractions, positions, positions, widths):
        sigma = to_unbounded(width, MIN_SIGMA, size / 2)
        rows.append(torch.stack([row.logit(), column.logit(), angle, fraction.logit(), sigma, sigma]))
    return torch.stack(rows), len(angles) * len(fractions)
