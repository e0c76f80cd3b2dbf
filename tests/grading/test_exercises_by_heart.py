"""Exercises of notebook 14: right answers pass, each mistake gets its hint."""

from __future__ import annotations

import pytest
import torch

from cnnlab.grading.exercises import EXERCISES, by_heart


def shuffled(images, places):
    return images.flatten(2)[:, :, places].view(images.shape)


def test_right_answers_pass_and_are_listed():
    assert by_heart.shuffle(shuffled) is None
    assert by_heart.expected_right(lambda share, classes: 1 - share + share / classes) is None
    assert {"14.shuffle", "14.expected_right"} <= set(EXERCISES)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda images, places: images.flatten(2)[:, :, places], "same shape"),
        (lambda images, places: shuffled(images, places.argsort()), "the way back"),
        (lambda images, places: images, "not at the places"),
        (lambda images, places: shuffled(images, places).flip(1), "mixed up"),
        (lambda images, places: torch.rand(images.shape), "not the picture's pixels"),
    ],
)
def test_each_mistake_in_shuffling_gets_its_hint(answer, hint):
    with pytest.raises(AssertionError, match=hint):
        _assert_passes(by_heart.shuffle(answer))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda share, classes: 1 - share, "can be the true one"),
        (lambda share, classes: share / classes, "not drawn are true"),
        (lambda share, classes: share * (1 - 1 / classes), "share of wrong labels"),
        (lambda share, classes: 0.2, "share of 0"),
    ],
)
def test_each_mistake_in_the_expected_share_gets_its_hint(answer, hint):
    with pytest.raises(AssertionError, match=hint):
        _assert_passes(by_heart.expected_right(answer))


def _assert_passes(hint: str | None) -> None:
    assert hint is None, hint
