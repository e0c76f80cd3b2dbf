"""Gabor energy: a simple model of the primary visual cortex (V1), as a baseline for features that were learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab._validation import positive_int


def gabor_energy(
    images: Tensor,
    *,
    sizes: Sequence[int] = (64, 32, 16),
    wavelength: float = 4.0,
    orientations: int = 8,
    cells: int = 4,
) -> Tensor:
    """Gabor energy: the contrast at each orientation, scale and position, as complex cells of V1 signal it. Nothing is learned.

    At each scale and orientation a pair of Gabor functions, even and odd, filters the grey picture a:

        energy = sqrt((a * even)^2 + (a * odd)^2),

    which does not depend on the phase of the wave. It is averaged over each of cells x cells parts of the picture.

    Parameters
    ----------
    images
        N x 3 x H x W in [0, 1]; the mean over the colours is used.
    sizes
        Sides in pixels to which the picture is scaled: the smaller, the coarser the waves.
    wavelength
        In pixels of the scaled picture, at least 2; the bandwidth is one octave.
    orientations
        Number of orientations, evenly over 180 degrees.
    cells
        Parts of a row and of a column; divides all sizes.

    Returns
    -------
    Tensor
        N x (scales x orientations x cells x cells), not negative; 0 for a constant picture.

    Raises
    ------
    ValueError
        If the wavelength is below 2, or `cells` does not divide a size.

    References
    ----------
    Adelson & Bergen (1985), Spatiotemporal energy models for the perception of motion; Pinto, Cox & DiCarlo (2008), who use a model of
    V1 as the baseline of object recognition, as do Cadieu et al. (2014). Lecture L, "Human vs machine"; filters by scikit-image.

    Example
    -------
    >>> gabor_energy(torch.rand(5, 3, 96, 96)).shape
    torch.Size([5, 384])
    """
    from skimage.filters import gabor_kernel

    if wavelength < 2 or any(size % positive_int(cells, "cells") for size in sizes):
        raise ValueError(
            f"need a wavelength of 2 or more and sizes that {cells} divides; got {wavelength}, {sizes}."
        )
    turns = [np.pi * number / orientations for number in range(positive_int(orientations, "orientations"))]
    kernels = [gabor_kernel(1 / wavelength, turn, n_stds=2) for turn in turns]
    side = max(max(kernel.shape) for kernel in kernels)
    bank = np.zeros((orientations, 2, side, side))
    for pair, kernel in zip(bank, kernels, strict=True):
        top, left = ((side - length) // 2 for length in kernel.shape)
        kernel = kernel - kernel.mean()  # so that a constant picture gives 0
        pair[:, top : top + kernel.shape[0], left : left + kernel.shape[1]] = kernel.real, kernel.imag
    filters = torch.from_numpy(bank).float().flatten(0, 1)[:, None]
    grey, parts = images.float().mean(1, keepdim=True), []
    for size in sizes:
        small = F.pad(F.interpolate(grey, (size, size), mode="area"), (side // 2,) * 4, "replicate")
        energy = F.conv2d(small, filters).unflatten(1, (orientations, 2)).norm(dim=2)
        parts.append(F.avg_pool2d(energy, size // cells).flatten(1))
    return torch.cat(parts, 1)
