"""Memorization on tiny lessons: labels and pixels are what they say, runs repeat, and the network fits what it is given."""

from __future__ import annotations

import pytest
import torch

from cnnlab.experiments.memorization import (
    INPUTS,
    REGULARISERS,
    make_task,
    measure_memorization,
    small_network,
    train_epochs,
)
from cnnlab.world import dataset


def test_a_lesson_holds_pictures_of_both_splits():
    task = make_task(pictures=10)
    train, validation = (dataset(split, n=10, progress=False) for split in ("train", "validation"))
    images = train.images.float() / 255
    assert task.images.shape == (10, 3, 48, 48)
    assert torch.allclose(task.images.mean((2, 3)), images.mean((2, 3)), atol=1e-5)
    assert torch.equal(task.labels, train.labels)
    assert torch.equal(task.test_labels, validation.labels)
    assert not torch.equal(task.images, task.test_images)


def test_random_labels_change_what_is_learnt_and_not_what_is_asked():
    plain, random = make_task(pictures=120), make_task("random labels", pictures=120)
    assert torch.equal(plain.images, random.images)
    assert (plain.labels == random.labels).float().mean() < 0.15
    assert torch.equal(plain.test_labels, random.test_labels)
    half = make_task(share=0.5, pictures=120)
    assert 0.35 < (plain.labels == half.labels).float().mean() < 0.7


@pytest.mark.parametrize("inputs", INPUTS[2:])
def test_scrambled_lessons_keep_their_labels(inputs):
    plain, scrambled = make_task(pictures=6), make_task(inputs, pictures=6)
    assert torch.equal(plain.labels, scrambled.labels)
    assert not torch.equal(plain.images, scrambled.images)
    assert not torch.equal(plain.test_images, scrambled.test_images)


def test_both_splits_are_shuffled_in_the_same_way():
    plain, shuffled = make_task(pictures=4), make_task("shuffled pixels", pictures=4)
    places = torch.randperm(48 * 48, generator=torch.Generator().manual_seed(0))
    for before, after in ((plain.images, shuffled.images), (plain.test_images, shuffled.test_images)):
        assert torch.equal(after, before.flatten(2)[:, :, places].view(4, 3, 48, 48))


def test_the_network_fits_a_few_pictures_with_random_labels_and_repeats():
    task = make_task("random labels", pictures=40)
    before = torch.random.get_rng_state()
    *_, history = train_epochs(task, epochs=25, batch_size=10)
    assert torch.equal(before, torch.random.get_rng_state())
    assert history["accuracy"][-1] > 0.9 and history["loss"][-1] < history["loss"][0] / 3
    assert all(0 <= one <= five <= 1 for one, five in zip(history["accuracy"], history["top5"], strict=True))
    first = [list(train_epochs(task, epochs=2, regulariser=REGULARISERS[3]))[-1] for _ in range(2)]
    assert first[0] == first[1]


@pytest.mark.parametrize("regulariser", REGULARISERS[1:])
def test_each_regulariser_changes_the_course(regulariser):
    task = make_task(pictures=40)
    plain, other = (
        list(train_epochs(task, epochs=2, regulariser=one))[-1]["loss"] for one in ("none", regulariser)
    )
    assert plain != other


def test_a_run_ends_with_what_its_curves_end_with():
    found = measure_memorization(pictures=40, epochs=2, seed=0, share=1.0)
    assert found["train"] == found["train_curve"][-1] and found["test"] == found["test_curve"][-1]
    assert found["best_test"] == max(found["test_curve"]) and len(found["test_curve"]) == 2


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="gaussian pixels"):
        make_task("noise", pictures=4)
    with pytest.raises(ValueError, match="weight decay"):
        next(train_epochs(make_task(pictures=4), epochs=1, regulariser="decay"))


def test_the_network_takes_small_pictures():
    assert small_network(7).eval()(torch.rand(2, 3, 48, 48)).shape == (2, 7)
