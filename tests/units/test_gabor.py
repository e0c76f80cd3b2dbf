"""Gabor functions: found again where they were planted, and not found in noise."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

import cnnlab
from cnnlab.networks import MiniAlexNet
from cnnlab.units import filters, fit_filters, fit_gabor, gabor_pattern


def planted(count: int, seed: int, size: int = 11) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Filters that are Gabor functions with random parameters, colours and offsets, and the parameters."""
    generator = torch.Generator().manual_seed(seed)

    def between(low, high):
        return low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)

    sigma = between(max(1.1, 0.12 * size), 0.4 * size)
    across = (sigma * between(0.7, 1.6)).clamp(1.1, 0.48 * size)
    truth = {
        "centre": torch.stack([between(0.2 * size, 0.75 * size), between(0.2 * size, 0.75 * size)], 1),
        "orientation": between(0, pi),
        "wavelength": 2.5 + (torch.minimum(5 * sigma, torch.tensor(1.7 * size)) - 2.5) * between(0, 1),
        "phase": between(-pi, pi),
        "sigma": sigma,
        "aspect": sigma / across,
    }
    patterns = torch.stack(
        [
            gabor_pattern(size, **{k: tuple(v[i]) if k == "centre" else v[i] for k, v in truth.items()})
            for i in range(count)
        ]
    )
    colour = torch.nn.functional.normalize(
        torch.randn(count, 3, generator=generator, dtype=torch.float64), dim=1
    )
    strongest = colour.gather(1, colour.abs().argmax(1, keepdim=True))
    truth["colour"] = colour * strongest.sign()
    truth["amplitude"] = between(0.1, 2)
    truth["offset"] = 0.2 * torch.randn(count, 3, generator=generator, dtype=torch.float64)
    made = truth["colour"] * truth["amplitude"][:, None]
    return made[:, :, None, None] * patterns[:, None] + truth["offset"][:, :, None, None], truth


@pytest.mark.parametrize("size", [11, 7])
def test_planted_gabors_are_found_again_with_all_their_parameters(size):
    weights, truth = planted(12, seed=1, size=size)
    result = fit_gabor(weights)
    assert result.r2.min() > 0.99 and result.pattern_r2.min() > 0.99
    assert torch.allclose(result.reconstruction, weights, atol=1e-5)
    for name in ("centre", "wavelength", "sigma", "aspect", "amplitude", "colour", "offset"):
        assert torch.allclose(getattr(result, name), truth[name], atol=2e-3), name
    turned = (result.orientation - truth["orientation"] + pi / 2).remainder(pi) - pi / 2
    assert turned.abs().max() < 1e-3
    # The same wave runs to the left with the opposite phase; both sides of pi are close.
    phase = torch.polar(torch.ones(12).double(), result.phase - truth["phase"])
    assert phase.real.min() > 1 - 1e-5


def test_the_parameters_say_what_the_reconstruction_is():
    result = fit_gabor(torch.randn(3, 3, 9, 9))
    for i in range(3):
        pattern = gabor_pattern(
            9,
            centre=tuple(result.centre[i]),
            orientation=result.orientation[i],
            wavelength=result.wavelength[i],
            phase=result.phase[i],
            sigma=result.sigma[i],
            aspect=result.aspect[i],
        )
        made = (
            result.offset[i, :, None, None] + result.amplitude[i] * result.colour[i, :, None, None] * pattern
        )
        assert torch.allclose(made, result.reconstruction[i], atol=1e-10)


def test_the_share_explained_is_that_of_the_whole_filter():
    weights = torch.randn(4, 3, 7, 7).double() + torch.tensor([0.0, 1.0, -2.0]).view(3, 1, 1)
    result = fit_gabor(weights)
    left = (weights - result.reconstruction).square().sum((1, 2, 3))
    whole = (weights - weights.mean((1, 2, 3), keepdim=True)).square().sum((1, 2, 3))
    pattern = (weights - weights.mean((2, 3), keepdim=True)).square().sum((1, 2, 3))
    assert torch.allclose(result.r2, 1 - left / whole)
    assert torch.allclose(result.pattern_r2, 1 - left / pattern)
    assert (result.r2 > result.pattern_r2).all()


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_noise_takes_away_its_share(noise):
    """The function cannot explain noise, but for what so few parameters imitate: 0.07 of it (see the chance level)."""
    weights, _ = planted(10, seed=2)
    weights = weights - weights.mean((2, 3), keepdim=True)
    deviation = weights.square().mean((1, 2, 3), keepdim=True).sqrt()
    result = fit_gabor(weights + noise * deviation * torch.randn_like(weights))
    signal = 1 / (1 + noise**2)
    assert signal - 0.03 < result.r2.mean() < signal + 0.07 * (1 - signal) + 0.03


def test_white_noise_is_not_explained():
    result = fit_gabor(torch.randn(30, 3, 11, 11))
    assert 0.04 < result.r2.median() < 0.09 and result.r2.max() < 0.15


def test_no_start_near_the_truth_is_needed():
    """scipy, started at the truth, comes no closer than the search does from its grid."""
    weights, truth = planted(6, seed=3)
    weights = weights[:, :1] + 0.3 * weights[:, :1].std((2, 3), keepdim=True) * torch.randn(6, 1, 11, 11)
    result = fit_gabor(weights)
    goals = weights[:, 0].double().numpy()
    for i in range(6):
        start = [*truth["centre"][i], truth["orientation"][i], truth["wavelength"][i], truth["phase"][i]]
        start += [truth["sigma"][i], truth["aspect"][i], 1.0, 0.0]

        def residual(p, goal=goals[i]):
            row, column, angle, wave, phase, sigma, aspect, height, base = p
            y, x = np.mgrid[:11, :11]
            u = (x - column) * np.cos(angle) + (row - y) * np.sin(angle)
            v = (row - y) * np.cos(angle) - (x - column) * np.sin(angle)
            wave = np.exp(-(u**2 + (aspect * v) ** 2) / (2 * sigma**2)) * np.cos(2 * np.pi * u / wave + phase)
            return (height * wave + base - goal).ravel()

        scipy = least_squares(residual, np.array(start, dtype=float)).cost * 2
        ours = float((weights[i] - result.reconstruction[i]).square().sum())
        assert ours <= 1.02 * scipy


def test_a_single_pixel_is_no_gabor():
    """The narrowest envelope is wider than a pixel, so what it gives at the neighbours is missed."""
    dot = torch.zeros(1, 3, 11, 11)
    dot[..., 5, 5] = 1
    assert fit_gabor(dot).pattern_r2 < 0.65


def test_what_it_finds_keeps_within_its_bounds():
    result = fit_gabor(torch.randn(20, 1, 7, 7))
    across = result.sigma / result.aspect
    for width in (result.sigma, across):
        assert (width >= 1).all() and (width <= 3.5).all()
    assert (result.wavelength >= 2).all() and (result.wavelength <= 14).all()
    assert (result.wavelength <= 6 * result.sigma + 1e-9).all()
    assert (result.centre >= 0).all() and (result.centre <= 6).all()
    assert (
        (result.amplitude >= 0).all() and (result.orientation >= 0).all() and (result.orientation < pi).all()
    )
    assert result.phase.abs().max() <= pi
    assert (result.colour.gather(1, result.colour.abs().argmax(1, keepdim=True)) > 0).all()


def test_two_patterns_in_two_colours_are_not_one_gabor():
    red = gabor_pattern(11, orientation=0.0, wavelength=5.0)
    blue = gabor_pattern(11, orientation=pi / 2, wavelength=5.0)
    both = torch.stack([red, torch.zeros_like(red), blue])
    assert 0.4 < fit_gabor(both).pattern_r2 < 0.6


def test_scale_and_shift_do_not_matter():
    weights = torch.randn(3, 3, 7, 7).double()
    result, scaled = fit_gabor(weights), fit_gabor(1e-6 * weights + 2)
    assert torch.allclose(result.pattern_r2, scaled.pattern_r2, atol=1e-4)


def test_a_filter_without_pattern_explains_nothing_and_breaks_nothing():
    flat = torch.full((2, 3, 7, 7), 3.0)
    flat[1, 0] = -1
    result = fit_gabor(flat)
    assert result.r2[0] == 0 and result.r2[1] == pytest.approx(1) and (result.pattern_r2 == 0).all()
    assert all(torch.isfinite(value).all() for value in vars(result).values())


def test_trained_filters_are_explained_and_fresh_ones_are_not():
    model = cnnlab.load("mini_alexnet")
    fresh = MiniAlexNet(model.class_names)
    assert fit_filters(filters(model)).fraction_explained(0.7) > 0.3
    assert fit_filters(filters(fresh)).fraction_explained(0.3) == 0


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (torch.zeros(2, 3, 3, 3), ValueError, "filters of 3 x 3 are too small"),
        (torch.zeros(2, 3, 7, 5), ValueError, "must have the axes"),
        (torch.zeros(7, 7), ValueError, "must have the axes"),
        (torch.zeros(1, 3, 7, 7, dtype=torch.long), TypeError, "must be a float tensor"),
        (torch.full((1, 3, 7, 7), torch.nan), ValueError, "not finite"),
        ("conv1", TypeError, "must be a float tensor, but got str"),
    ],
)
def test_what_is_no_filter_is_refused(weights, error, message):
    with pytest.raises(error, match=message):
        fit_gabor(weights)
