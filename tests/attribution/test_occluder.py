"""What an occluder is made of, and where it goes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from cnnlab.attribution import FILLS, fill_image, occlude, occluder_positions


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(3, 24, 36)


def test_places_step_by_the_stride_and_end_at_the_border():
    assert occluder_positions(96, 24, 4) == list(range(0, 73, 4))
    assert occluder_positions(10, 4, 4) == [0, 4, 6]
    assert occluder_positions(10, 4, 100) == [0, 6]
    assert occluder_positions(10, 10, 3) == [0]
    assert occluder_positions(7, 1, 1) == list(range(7))


@pytest.mark.parametrize("length", [5, 8, 13])
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_every_pixel_is_covered_and_no_place_leaves_the_picture(length, size, stride):
    starts = occluder_positions(length, size, stride)
    covered = {pixel for start in starts for pixel in range(start, start + size)}
    assert starts == sorted(set(starts)) and starts[0] == 0 and starts[-1] == length - size
    assert covered <= set(range(length))
    if stride <= size:
        assert covered == set(range(length))


@pytest.mark.parametrize(
    ("length", "size", "stride", "message"),
    [
        (8, 9, 1, "occluder of 9 pixels is larger than the picture"),
        (8, 4, 0, "stride must be .* at least 1"),
        (8, 0, 1, "size of the occluder must be"),
        (8, 4, -2, "stride"),
    ],
)
def test_impossible_occluders_are_refused(length, size, stride, message):
    with pytest.raises(ValueError, match=message):
        occluder_positions(length, size, stride)


@pytest.mark.parametrize("fill", [*FILLS, "tomato", "#3366cc", (0.1, 0.2, 0.3), "gray"])
def test_every_fill_is_a_picture_like_the_image(image, fill):
    replacement = fill_image(image, fill)
    assert replacement.shape == image.shape and replacement.dtype == image.dtype
    assert replacement.min() >= 0 and replacement.max() <= 1
    assert fill_image(image[None].double(), fill).shape == (1, 3, 24, 36)


def test_colours_are_what_they_say(image):
    assert torch.equal(fill_image(image, "grey"), torch.full_like(image, 0.5))
    assert torch.equal(fill_image(image, "gray"), fill_image(image, "grey"))
    assert torch.allclose(fill_image(image, "#3366cc")[:, 5, 7], torch.tensor([0.2, 0.4, 0.8]))
    assert torch.allclose(fill_image(image, (0.1, 0.2, 0.3))[:, 0, 0], torch.tensor([0.1, 0.2, 0.3]))
    assert torch.allclose(
        fill_image(image, torch.tensor([0.1, 0.2, 0.3]))[:, 0, 0], torch.tensor([0.1, 0.2, 0.3])
    )
    assert torch.allclose(fill_image(image, "mean")[:, 3, 3], image.mean((1, 2)))


def test_noise_repeats_with_its_seed_and_leaves_the_global_chance_alone(image):
    before = torch.get_rng_state()
    first, again, other = (fill_image(image, "noise", seed) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert abs(first.mean() - 0.5) < 0.05 and first.std() > 0.25


def test_blur_is_the_gaussian_of_scipy(image):
    expected = gaussian_filter(image.double().numpy(), (0, 2, 2), mode="nearest", truncate=3.0)
    assert np.allclose(fill_image(image.double(), "blur"), expected, atol=1e-12)


def test_blur_works_on_the_smallest_picture():
    assert torch.allclose(fill_image(torch.full((3, 1, 1), 0.3), "blur"), torch.tensor(0.3))


def test_a_picture_is_its_own_fill(image):
    other = torch.rand_like(image)
    assert torch.equal(fill_image(image, other), other)
    with pytest.raises(ValueError, match="as fill must have"):
        fill_image(image, other[:, :5])


@pytest.mark.parametrize(
    ("fill", "error", "message"),
    [
        ("blurr", ValueError, 'Did you mean "blur"'),
        ("tomatoe", ValueError, 'Did you mean "tomato"'),
        ("#12", ValueError, "grey, mean, noise, blur"),
        ((10, 20, 255), ValueError, "divide bytes by 255"),
        ((0.1, 0.2), TypeError, "fill must be one of"),
        (7, TypeError, "fill must be one of"),
        (None, TypeError, "fill must be one of"),
    ],
)
def test_unknown_fills_are_refused(image, fill, error, message):
    with pytest.raises(error, match=message):
        fill_image(image, fill)


def test_only_the_window_is_replaced(image):
    covered = occlude(image, 3, 5, 7, "noise", seed=2)
    expected = image.clone()
    expected[:, 3:10, 5:12] = fill_image(image, "noise", 2)[:, 3:10, 5:12]
    assert torch.equal(covered, expected)


def test_the_callers_picture_stays(image):
    before = image.clone()
    covered = occlude(image, 0, 0, 24)
    assert torch.equal(image, before) and covered.data_ptr() != image.data_ptr()
    assert occlude(image[None], 0, 0, 5).shape == (1, 3, 24, 36)


@pytest.mark.parametrize(("top", "left"), [(-1, 0), (0, -1), (18, 0), (0, 30)])
def test_an_occluder_that_leaves_the_picture_is_refused(image, top, left):
    with pytest.raises(ValueError, match=r"leaves the 24 x 36 picture; top can be 0 to 17, left 0 to 29"):
        occlude(image, top, left, 7)


def test_an_occluder_larger_than_the_picture_is_refused(image):
    with pytest.raises(ValueError, match="25 pixels is larger than the picture of 24 x 36"):
        occlude(image, 0, 0, 25)


def test_several_pictures_are_refused(image):
    with pytest.raises(ValueError, match="one picture.* 2 came"):
        occlude(torch.stack([image, image]), 0, 0, 5)
