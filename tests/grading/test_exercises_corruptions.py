"""Exercises of notebook 13: right answers pass, each mistake gets its hint."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnlab.grading.exercises import EXERCISES, corruptions
from cnnlab.robustness import corruption_error, digital


def faded(image, lost):
    mean = image.mean((1, 2), keepdim=True)
    return mean + (1 - lost) * (image - mean)


def bias(answers, shapes, textures):
    conflict = shapes != textures
    shape = ((answers == shapes) & conflict).sum()
    return shape / (shape + ((answers == textures) & conflict).sum())


def test_they_are_listed_under_their_names():
    assert {"13.contrast", "13.corruption_error", "13.shape_bias"} <= set(EXERCISES)


def test_right_answers_pass():
    assert corruptions.contrast(faded) is None
    assert corruptions.corruption_error(corruption_error) is None
    assert corruptions.corruption_error(lambda e, n: e.mean(1) / n.mean(1)) is None
    assert corruptions.shape_bias(bias) is None


def test_the_kit_fades_alike():
    def of_the_kit(image, lost):
        done = digital.contrast(image.permute(1, 2, 0).numpy(), lost, np.random.default_rng(0))
        return torch.from_numpy(done).permute(2, 0, 1)

    assert corruptions.contrast(of_the_kit) is None


def in_place(image, lost):
    image.mul_(1 - lost)
    return image


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda image, lost: image.mean(), "same shape"),
        (in_place, "has changed"),
        (lambda image, lost: faded(image, 1 - lost), "keeps lost"),
        (
            lambda image, lost: image.mean() + (1 - lost) * (image - image.mean()),
            "one value for each channel",
        ),
        (lambda image, lost: 0.5 + (1 - lost) * (image - 0.5), r"grey \(0.5\)"),
        (lambda image, lost: (1 - lost) * image, "goes to black"),
        (lambda image, lost: image, "lost = 0"),
    ],
)
def test_each_mistake_in_contrast_gets_its_hint(answer, hint):
    with pytest.raises(AssertionError, match=hint):
        _assert_passes(corruptions.contrast(answer))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda e, n: e.sum() / n.sum(), "one number for each"),
        (lambda e, n: (e / n).mean(1), "ratio of sums"),
        (lambda e, n: n.sum(1) / e.sum(1), "upside down"),
        (lambda e, n: e.mean(1), "still has to be divided"),
        (lambda e, n: e.mean(1) / n.sum(1), "for both"),
        (lambda e, n: 100 * e.sum(1) / n.sum(1), "1, not 100"),
        (lambda e, n: e[:, 0] / n[:, 0], "which axis"),
    ],
)
def test_each_mistake_in_ce_gets_its_hint(answer, hint):
    with pytest.raises(AssertionError, match=hint):
        _assert_passes(corruptions.corruption_error(answer))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda a, s, t: ((a == s) & (s != t)).sum() / (s != t).sum(), "third class"),
        (lambda a, s, t: (a == s).float().mean(), "third class"),
        (lambda a, s, t: (a == s).sum() / ((a == s).sum() + (a == t).sum()), "no conflict"),
        (lambda a, s, t: 1 - bias(a, s, t), "texture decisions"),
        (lambda a, s, t: 0.123, "on paper"),
    ],
)
def test_each_mistake_in_shape_bias_gets_its_hint(answer, hint):
    with pytest.raises(AssertionError, match=hint):
        _assert_passes(corruptions.shape_bias(answer))


def _assert_passes(hint: str | None) -> None:
    assert hint is None, hint
