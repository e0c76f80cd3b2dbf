"""Fifteen corruptions: each does what its name says, more of it at each severity, and the same again from its seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab.robustness import (
    CORRUPTIONS,
    FAMILIES,
    SEVERITIES,
    blur,
    corrupt,
    corruption_error,
    corruption_errors,
    digital,
    mean_corruption_error,
    noise,
    weather,
)
from cnnlab.world import render

RANDOM_CORRUPTIONS = {
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "glass_blur",
    "motion_blur",
    "snow",
    "frost",
    "fog",
}
RANDOM_CORRUPTIONS |= {"elastic_transform"}


@pytest.fixture(scope="module")
def pictures():
    return torch.stack([render(seed).image for seed in range(12)])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_there_are_fifteen_in_four_families():
    assert len(CORRUPTIONS) == len(set(CORRUPTIONS)) == 15 and len(FAMILIES) == 4
    assert [len(kinds) for kinds in FAMILIES.values()] == [3, 4, 4, 4]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_each_severity_is_stronger_than_the_one_before(pictures, kind):
    changes = torch.stack([(corrupt(pictures, kind, s) - pictures).abs().mean((1, 2, 3)) for s in SEVERITIES])
    assert (changes.mean(1).diff() > 0).all(), "on average over the pictures"
    assert (changes.diff(dim=0) > 0).double().mean() > 0.9, "and for nearly every picture"
    assert changes[0].mean() > 0.01 and changes[-1].mean() < 0.35


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_pictures_stay_pictures_and_repeat_from_their_seed(pictures, kind):
    some = pictures[:3].clone()
    first, again, other = (corrupt(some, kind, 4, seed=seed) for seed in (0, 0, 1))
    assert first.shape == some.shape and first.dtype == some.dtype
    assert first.min() >= 0 and first.max() <= 1 and torch.equal(some, pictures[:3])
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (kind not in RANDOM_CORRUPTIONS)


def test_a_picture_does_not_depend_on_its_batch_but_on_its_number(pictures):
    together = corrupt(pictures[:4], "snow", 3)
    assert torch.equal(corrupt(pictures[2], "snow", 3, first=2), together[2])
    assert torch.equal(corrupt(pictures[2:4], "snow", 3, first=2), together[2:])
    assert corrupt(pictures[2].double(), "fog").dtype == torch.float64


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_larger_picture_is_corrupted_alike(kind):
    small, large = render(7), render(7, size=192)
    change = [(corrupt(p.image, kind, 4) - p.image).abs().mean() for p in (small, large)]
    assert 0.4 < change[1] / change[0] < 1.6


def test_gaussian_noise_has_its_deviation(rng):
    residual = noise.gaussian_noise(np.full((200, 200, 3), 0.5), 0.1, rng) - 0.5
    assert residual.std() == pytest.approx(0.1, rel=0.02) and abs(residual.mean()) < 2e-3


def test_shot_noise_grows_with_the_root_of_the_brightness(rng):
    deviations = [noise.shot_noise(np.full((200, 200, 3), v), 0.1, rng).std() for v in (0.25, 1.0)]
    assert deviations[1] == pytest.approx(0.1, rel=0.02) and deviations[0] == pytest.approx(0.05, rel=0.02)


def test_impulse_noise_breaks_its_share_of_the_values(rng):
    broken = noise.impulse_noise(np.full((200, 200, 3), 0.5), 0.2, rng)
    assert (broken == 0).mean() == pytest.approx(0.1, abs=0.005)
    assert (broken == 1).mean() == pytest.approx(0.1, abs=0.005) and (broken == 0.5).mean() > 0.78


def test_blurs_keep_the_mean_and_spread_a_point(rng):
    point = np.zeros((97, 97, 3), np.float32)
    point[48, 48] = 1
    for corruption, size in ((blur.defocus_blur, 3.0), (blur.motion_blur, 9.0), (blur.glass_blur, 2.0)):
        spread = corruption(point, size, rng)
        assert spread.max() < 0.5 and spread[30:67, 30:67].sum() == pytest.approx(spread.sum(), rel=1e-3)
    disc = blur.defocus_blur(point, 5.0, rng)[:, :, 0]
    rows, columns = np.mgrid[:97, :97] - 48
    radius = 5.0 * 97 / 96
    assert disc.sum() == pytest.approx(1, rel=1e-4)
    assert disc[np.hypot(rows, columns) > radius + 1].max() < 1e-6
    inner = disc[np.hypot(rows, columns) < radius - 1]
    assert inner.min() == pytest.approx(inner.max(), rel=1e-3)


def test_a_moved_camera_smears_along_its_line():
    kernel = blur.line_kernel(9, 0)
    middle = len(kernel) // 2
    assert kernel[middle].sum() > 0.8 * kernel.sum() and kernel[:, middle].sum() < 0.25 * kernel.sum()
    assert np.allclose(kernel, kernel[::-1, ::-1])
    steep = blur.line_kernel(9, 90)
    assert np.allclose(steep, kernel.T) and blur.line_kernel(9, 45)[3, -4] > 0.4  # up to the right


def test_zoom_blur_leaves_the_middle_and_moves_the_border(rng):
    noise = rng.random((96, 96, 3)).astype(np.float32)
    picture = blur.defocus_blur(noise, 3.0, rng)
    change = np.abs(blur.zoom_blur(picture, 0.2, rng) - picture).mean(2)
    assert change[44:52, 44:52].mean() < 0.5 * change[:12].mean()


def test_contrast_keeps_the_mean_colour_and_shrinks_the_rest(rng):
    picture = render(3).image.permute(1, 2, 0).numpy()
    flat = digital.contrast(picture, 0.7, rng)
    assert np.allclose(flat.mean((0, 1)), picture.mean((0, 1)), atol=1e-5)
    assert np.allclose(flat.std((0, 1)), 0.3 * picture.std((0, 1)), atol=1e-5)


def test_pixelate_makes_blocks_and_brightness_raises_the_value(rng):
    picture = render(3).image.permute(1, 2, 0).numpy().copy()
    blocks = digital.pixelate(picture, 4.0, rng).reshape(24, 4, 24, 4, 3)
    assert np.ptp(blocks, axis=(1, 3)).max() == 0
    assert np.allclose(blocks[:, 0, :, 0], picture.reshape(24, 4, 24, 4, 3).mean((1, 3)), atol=1e-5)
    brighter = weather.brightness(picture, 0.3, rng)
    assert np.allclose(brighter.max(2), np.minimum(picture.max(2) + 0.3, 1), atol=1e-4)


def test_fog_fades_and_snow_whitens(rng):
    picture = render(3).image.permute(1, 2, 0).numpy().copy()
    assert weather.fog(picture, 0.6, rng).std((0, 1)).mean() < 0.55 * picture.std((0, 1)).mean()
    snowed = weather.snow(picture, 0.5, rng)
    assert (snowed >= picture - 1e-6).all() and (snowed.min(2) > 0.95).mean() > (
        picture.min(2) > 0.95
    ).mean() + 0.01


def test_elastic_shifts_have_the_length_that_is_said():
    rows, columns = np.mgrid[:96, :96].astype(np.float32)
    ramps = np.stack([rows, columns, rows], 2) / 95
    moved = digital.elastic_transform(ramps, 2.0, np.random.default_rng(1))
    shift = (moved - ramps)[12:-12, 12:-12, :2] * 95
    assert np.sqrt((shift**2).mean()) == pytest.approx(2.0, rel=0.2)


@pytest.mark.parametrize(
    ("kind", "severity", "match"), [("rain", 1, "fog"), ("fog", 0, "severity"), ("fog", 6, "severity")]
)
def test_errors_list_what_there_is(pictures, kind, severity, match):
    with pytest.raises(ValueError, match=match):
        corrupt(pictures[0], kind, severity)


class Brightness(nn.Module):
    """Class 1 if the picture is bright, class 0 if not."""

    def __init__(self, bound: float):
        super().__init__()
        self.bound = bound

    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return torch.stack([self.bound - mean, mean - self.bound], 1)


def test_corruption_errors_by_hand(pictures):
    model, kinds = Brightness(0.55), ("brightness", "contrast")
    labels = model(pictures).argmax(1)
    errors = corruption_errors(model, [(pictures[:5], labels[:5]), (pictures[5:], labels[5:])], kinds=kinds)
    for row, kind in enumerate(kinds):
        for column, severity in enumerate(SEVERITIES):
            answers = model(corrupt(pictures, kind, severity)).argmax(1)
            assert errors[row, column] == pytest.approx((answers != labels).double().mean().item())
    assert errors[0, 4] > errors[0, 0] and (errors[1] == 0).all()


def test_several_networks_see_the_same_corrupted_pictures(pictures):
    models = [Brightness(0.5), Brightness(0.6)]
    data = [(pictures, torch.zeros(12, dtype=torch.long))]
    together = corruption_errors(models, data, kinds=("snow",), severities=(1, 5))
    assert together.shape == (2, 1, 2)
    for model, errors in zip(models, together, strict=True):
        assert torch.equal(corruption_errors(model, data, kinds=("snow",), severities=(1, 5)), errors)


def test_ce_and_mce_are_the_formula_of_the_lecture():
    generator = torch.Generator().manual_seed(0)
    errors, alexnet = (torch.rand(15, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    expected = []
    for c in range(15):
        above = below = 0.0
        for s in range(5):
            above, below = above + float(errors[c, s]), below + float(alexnet[c, s])
        expected.append(above / below)
    assert corruption_error(errors, alexnet).tolist() == pytest.approx(expected)
    assert mean_corruption_error(errors, alexnet) == pytest.approx(sum(expected) / 15)
    assert mean_corruption_error(alexnet, alexnet) == 1
    # The mean of the ratios is not the ratio of the means: hard corruptions would count more.
    assert mean_corruption_error(errors, alexnet) != pytest.approx(float(errors.sum() / alexnet.sum()))


def test_mce_wants_the_fifteen_and_a_reference_that_errs():
    with pytest.raises(ValueError, match="15"):
        mean_corruption_error(torch.ones(19, 5), torch.ones(19, 5))
    with pytest.raises(ValueError, match="no error at all"):
        corruption_error(torch.ones(2, 5), torch.zeros(2, 5))
    with pytest.raises(ValueError, match="5 severities"):
        corruption_error(torch.ones(2, 4), torch.ones(2, 4))
