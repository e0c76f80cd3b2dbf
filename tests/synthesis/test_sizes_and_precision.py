"""Every technique that makes pictures takes every size and every float type."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cnnlab import synthesis

SIZES = [(1, 1), (2, 2), (3, 3), (4, 4), (7, 7), (1, 9), (9, 1), (31, 30), (30, 31)]
"""Sides below every margin and above, even and odd, and the narrowest."""


def fully_convolutional() -> nn.Module:
    """A classifier for pictures of any size."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
        )


TECHNIQUES: dict[str, Callable[..., Tensor]] = {
    "maximise": lambda model, image, how: synthesis.maximise(
        model, [2], start=image, steps=2, blur=1.5, blur_every=1, parametrisation=how
    ).images[0],
    "invert": lambda model, image, how: synthesis.invert(
        model, image, "1", steps=2, parametrisation=how
    ).images[0],
    "deepdream": lambda model, image, how: synthesis.deepdream(
        model, image, "1", octaves=4, steps=2, parametrisation=how
    ),
    "deepdream_zoom": lambda model, image, how: list(
        synthesis.deepdream_zoom(model, image, "1", frames=2, steps=1, parametrisation=how)
    )[-1],
    "transfer_style": lambda model, image, how: (
        synthesis.transfer_style(
            model,
            image,
            image.flip(-1, -2),
            content_layers="1",
            style_layers="0",
            steps=2,
            parametrisation=how,
        ).image
    ),
    "texture": lambda model, image, how: (
        synthesis.transfer_style(model, None, image, style_layers="0", steps=2, parametrisation=how).image
    ),
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("how", ["pixels", "fourier"])
@pytest.mark.parametrize("technique", TECHNIQUES)
def test_pictures_come_out_in_the_size_they_had(technique, how, size):
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(1))
    result = TECHNIQUES[technique](fully_convolutional(), image, how)
    assert result.shape == image.shape
    assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1


@pytest.mark.parametrize("side", [1, 2, 3, 7, 30])
@pytest.mark.parametrize("how", ["pixels", "fourier"])
def test_pictures_from_noise_are_as_large_as_asked(how, side):
    maximised = synthesis.maximise(fully_convolutional(), 1, size=side, steps=1, parametrisation=how)
    assert maximised.images.shape == (1, 3, side, side)
    texture = synthesis.transfer_style(
        fully_convolutional(),
        None,
        torch.rand(3, 8, 8),
        style_layers="0",
        size=side,
        steps=1,
        parametrisation=how,
    )
    assert texture.image.shape == (3, side, side)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("how", ["pixels", "fourier"])
@pytest.mark.parametrize("technique", TECHNIQUES)
def test_models_of_every_float_type_give_about_the_picture_of_float32(technique, how, dtype):
    image = torch.rand(3, 15, 12, generator=torch.Generator().manual_seed(1))
    expected = TECHNIQUES[technique](fully_convolutional(), image, how)
    result = TECHNIQUES[technique](fully_convolutional().to(dtype), image, how)
    assert result.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert (result - expected).abs().mean() < {torch.float64: 1e-3}.get(dtype, 0.05)
