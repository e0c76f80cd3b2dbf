"""Blobs of colour, and the choice between blob and Gabor function."""

from __future__ import annotations

from math import pi

import pytest
import torch

from cnnlab.units import blob_pattern, fit_blob, fit_filters, fit_gabor, gabor_pattern

COLOUR = torch.tensor([0.8, -0.1, -0.5], dtype=torch.float64)[:, None, None]


@pytest.mark.parametrize(
    ("centre", "sigma", "turn"),
    [((5.0, 5.0), (2.0, 2.0), 0.0), ((3.2, 7.5), (1.5, 2.6), 0.7), ((8.0, 2.0), (4.0, 3.0), 2.0)],
)
def test_a_planted_blob_is_found_again(centre, sigma, turn):
    beneath = torch.tensor([0.1, 0.3, -0.2], dtype=torch.float64)
    weights = COLOUR * blob_pattern(11, centre=centre, sigma=sigma, orientation=turn) + beneath[:, None, None]
    result = fit_blob(weights)
    assert result.r2 > 0.999 and torch.allclose(result.reconstruction[0], weights, atol=1e-4)
    assert torch.allclose(result.centre[0], torch.tensor(centre, dtype=torch.float64), atol=1e-2)
    assert torch.allclose(result.sigma[0].sort().values, torch.tensor(sorted(sigma)).double(), atol=1e-2)
    assert torch.allclose(result.offset[0], beneath, atol=1e-3)
    assert torch.allclose(result.amplitude[0] * result.colour[0], COLOUR.flatten(), atol=1e-2)
    if sigma[0] != sigma[1]:
        long = result.orientation[0] + (pi / 2 if result.sigma[0, 0] < result.sigma[0, 1] else 0)
        expected = turn + (pi / 2 if sigma[0] < sigma[1] else 0)
        assert abs((long - expected + pi / 2) % pi - pi / 2) < 1e-2


def test_one_colour_all_over_is_the_limit_of_a_wide_blob():
    weights = COLOUR + torch.randn(3, 11, 11).double() * 0.05
    result = fit_blob(weights)
    assert result.r2 > 0.95 and result.pattern_r2 < 0.15


def test_a_bar_is_no_blob():
    bar = blob_pattern(11, sigma=(1.0, 9.0)).expand(1, 3, 11, 11)
    assert fit_blob(bar).r2 < 0.75 < fit_gabor(bar).r2


def test_white_noise_is_not_explained():
    result = fit_blob(torch.randn(60, 3, 11, 11))
    assert 0.02 < result.r2.median() < 0.06 and result.r2.max() < 0.12


def test_bounds_are_kept():
    result = fit_blob(torch.randn(20, 1, 7, 7))
    low, high = result.sigma.min(1).values, result.sigma.max(1).values
    assert (low >= 1).all() and (high <= 7).all() and (high <= 2 * low + 1e-9).all()
    assert (result.centre >= 0).all() and (result.centre <= 6).all()


def test_the_better_of_both_is_taken():
    edge = COLOUR * gabor_pattern(11, orientation=0.4, wavelength=7.0, phase=pi / 2)
    spot = COLOUR * blob_pattern(11, centre=(4.0, 6.0), sigma=(2.5, 3.0))
    noise = torch.randn(3, 11, 11).double()
    explained = fit_filters(torch.stack([edge, spot, noise]))
    assert explained.is_gabor[0] and not explained.is_gabor[1]
    assert (
        explained.fraction_explained(0.7) == pytest.approx(2 / 3) and explained.fraction_explained(0.0) == 1
    )
    for i, fit in enumerate((explained.gabor, explained.blob)):
        assert explained.r2[i] == fit.r2[i] and torch.equal(
            explained.reconstruction[i], fit.reconstruction[i]
        )
    assert torch.equal(explained.r2, torch.maximum(explained.gabor.r2, explained.blob.r2))


def test_a_share_needs_a_bar_between_0_and_1():
    with pytest.raises(ValueError, match="min_r2 must lie between 0 and 1"):
        fit_filters(torch.randn(1, 3, 5, 5)).fraction_explained(70)
