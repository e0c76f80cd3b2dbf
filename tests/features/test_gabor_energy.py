"""Gabor energy responds to its own orientation and scale, does not depend on phase, and is zero without contrast."""

from __future__ import annotations

import pytest
import torch
from scipy.signal import convolve2d
from skimage.filters import gabor_kernel

from cnnlab.features import gabor_energy


def grating(wavelength: float, degrees: float, phase: float = 0.0, size: int = 64) -> torch.Tensor:
    """N = 1 picture of a wave, measured in pixels of `size`; at 0 degrees its stripes stand upright."""
    y, x = torch.meshgrid(*[torch.arange(size).float()] * 2, indexing="ij")
    angle = torch.tensor(degrees).deg2rad()
    wave = torch.cos(2 * torch.pi * (x * angle.cos() + y * angle.sin()) / wavelength + phase)
    return (0.5 + 0.5 * wave).expand(1, 3, size, size)


@pytest.mark.parametrize("scale", range(3))
@pytest.mark.parametrize("orientation", range(4))
def test_a_grating_excites_its_own_scale_and_orientation(scale, orientation):
    energy = gabor_energy(grating(4.0 * 2**scale, 45 * orientation), orientations=4)
    assert energy.view(3, 4, 16).mean(2).flatten().argmax() == 4 * scale + orientation


def test_the_phase_does_not_matter():
    """The middle cells of a picture; at its borders the phase decides what the padding repeats."""
    first, second = (
        gabor_energy(grating(4.0, 0, phase)).view(3, 8, 4, 4)[0, 0, 1:3, 1:3] for phase in (0, 2)
    )
    torch.testing.assert_close(first, second, rtol=0.02, atol=0)


def test_a_constant_picture_has_no_energy_and_contrast_scales_it():
    assert gabor_energy(torch.full((1, 3, 64, 64), 0.7)).max() < 1e-5
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(gabor_energy(image / 2), gabor_energy(image) / 2)


def test_one_channel_matches_a_convolution_by_scipy():
    image = torch.rand(32, 32, generator=torch.Generator().manual_seed(1))
    kernel = gabor_kernel(1 / 4, torch.pi / 4, n_stds=2)
    kernel = kernel - kernel.mean()
    # `conv2d` correlates; the mirrored kernel is the complex conjugate, of the same modulus.
    expected = abs(convolve2d(image.double(), kernel, "valid"))
    energy = gabor_energy(image.expand(1, 3, 32, 32), sizes=[32], orientations=4, cells=32)
    margin = kernel.shape[0] // 2
    found = energy.view(4, 32, 32)[1, margin : 32 - margin, margin : 32 - margin]
    torch.testing.assert_close(found.double(), torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{"wavelength": 1.5}, {"sizes": [30]}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError, match="wavelength"):
        gabor_energy(torch.rand(1, 3, 64, 64), **options)
