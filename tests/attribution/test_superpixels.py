"""Superpixels as players: against Captum, a linear network's own terms, and what must be refused."""

from __future__ import annotations

import captum.attr
import pytest
import torch
from torch import nn

from cnnlab.attribution import kernel_shap, lime, shapley_values, superpixel_game
from cnnlab.attribution.superpixels import MOST
from cnnlab.world import render

SIDE = 32


@pytest.fixture(scope="module")
def image():
    return render(7, shape="cup", size=SIDE).image


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return (
        nn.Sequential(nn.Conv2d(3, 4, 5, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 10 * 10, 5))
        .double()
        .eval()
    )


def test_its_shapley_values_are_captums(model, image):
    game, segments = superpixel_game(model, image, 1, count=5, fill=0.3)
    explain = captum.attr.ShapleyValues(model)
    spread = explain.attribute(
        image[None].double(), target=1, baselines=0.3, feature_mask=segments.repeat(1, 3, 1, 1)
    )[0, 0].double()
    expected = torch.stack([spread[segments == number].mean() for number in range(len(game.parts))])
    assert len(game.parts) > 2 and expected.abs().max() > 0.01
    assert torch.allclose(shapley_values(game), expected, atol=1e-6)
    assert torch.allclose(kernel_shap(game), expected, atol=1e-6)


def test_a_linear_network_gives_each_superpixel_its_own_term(image):
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2)).double()
    game, segments = superpixel_game(linear, image, 0, count=6, fill=0.25)
    terms = (linear[1].weight[0].detach().view(3, SIDE, SIDE) * (image.double() - 0.25)).sum(0)
    expected = torch.stack([terms[segments == number].sum() for number in range(len(game.parts))])
    assert torch.allclose(shapley_values(game), expected, atol=1e-6)
    assert torch.allclose(lime(game, penalty=1e-9), expected, atol=1e-4)
    with torch.inference_mode():
        assert float(game.values[-1]) == pytest.approx(float(linear(image[None].double())[0, 0]))


def test_superpixels_are_pieces_of_one_colour(model):
    halves = torch.full((3, SIDE, SIDE), 0.1)
    halves[:, :, SIDE // 2 :] = 0.9
    game, segments = superpixel_game(model, halves, 0, count=4)
    assert len(game.parts) > 1
    for number in range(len(game.parts)):
        assert len(halves[0][segments == number].unique()) == 1


@pytest.mark.parametrize("count", [1, 2, 8, MOST])
def test_there_are_about_as_many_as_are_wanted_and_never_too_many(model, image, count):
    game, segments = superpixel_game(model, image, 0, count=count)
    assert sorted(segments.unique().tolist()) == list(range(len(game.parts)))
    assert count / 2 < len(game.parts) <= min(MOST, 2 * count)
    assert game.parts == tuple(map(str, range(1, len(game.parts) + 1)))


@pytest.mark.parametrize("count", [4, 8, MOST])
def test_in_a_busy_picture_there_are_about_as_many_too(model, count):
    """SLIC joins small patches: asked for four, it gives one."""
    busy = (torch.arange(SIDE) // 8 % 2 * 0.8).expand(3, SIDE, SIDE) * 0.7 + 0.1 * torch.rand(3, SIDE, SIDE)
    game, segments = superpixel_game(model, busy, 0, count=count)
    assert count / 2 < len(game.parts) == len(segments.unique()) <= min(MOST, 2 * count)


def test_noise_has_superpixels_too(model):
    """SLIC joins its small patches to a single one, until they are more compact."""
    game, segments = superpixel_game(model, torch.rand(3, SIDE, SIDE), 0)
    assert 4 < len(game.parts) <= MOST and len(segments.unique()) == len(game.parts)


def test_where_none_are_found_the_error_says_what_helps():
    tiny = nn.Sequential(nn.Flatten(), nn.Linear(3 * 2 * 2, 2))
    with pytest.raises(
        ValueError, match=r"nothing near to 8 superpixels .* 3 x 2 x 2; ask for another count"
    ):
        superpixel_game(tiny, torch.rand(3, 2, 2), 0)


def test_pieces_of_ones_own_are_the_players(model, image):
    own = torch.arange(SIDE * SIDE).view(SIDE, SIDE) // (SIDE * SIDE // 2)
    game, segments = superpixel_game(model, image, 0, fill=0.2, segments=own.int())
    assert torch.equal(segments, own) and game.parts == ("1", "2")
    without_second = torch.where(own == 0, image, 0.2).double()
    with torch.inference_mode():
        assert float(game.values[1]) == pytest.approx(float(model(without_second[None])[0, 0]))


@pytest.mark.parametrize(
    ("segments", "match"),
    [
        (torch.zeros(3, 4, dtype=torch.long), r"32 x 32 integers.* came as \(3, 4\) torch.int64"),
        (torch.zeros(SIDE, SIDE), "32 x 32 integers.* torch.float32"),
        ([0, 1], r"32 x 32 integers.* came as \[0, 1\]"),
        (torch.full((SIDE, SIDE), 1), r"without a gap.* got \[1\]"),
        (torch.arange(SIDE).expand(SIDE, SIDE), "at most 12"),
    ],
)
def test_pieces_that_are_none_are_refused(model, image, segments, match):
    with pytest.raises(ValueError, match=match):
        superpixel_game(model, image, 0, segments=segments)


def test_the_class_that_the_network_says_is_the_default(model, image):
    with torch.inference_mode():
        said = int(model(image[None].double()).argmax())
    assert superpixel_game(model, image, count=2)[0].target == said


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"count": 0}, "count .* but got 0"),
        ({"count": MOST + 1}, f"count .* but got {MOST + 1}"),
        ({"fill": 2}, "fill must lie between 0 and 1"),
        ({"compactness": 0}, "compactness must be a number above 0"),
        ({"compactness": None}, "compactness must be a number above 0, but got None"),
        ({"target": 9}, "9"),
    ],
)
def test_what_is_out_of_range_is_refused(model, image, options, match):
    with pytest.raises(ValueError, match=match):
        superpixel_game(model, image, **{"target": 0, "count": 2} | options)


def test_one_image_is_looked_at(model, image):
    with pytest.raises(ValueError, match="one image, 3 x H x W, but got"):
        superpixel_game(model, torch.stack([image, image]), 0)
