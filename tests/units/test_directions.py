"""Directions in the space of activations, asked like units."""

from __future__ import annotations

import pytest
import torch

from cnnlab.networks import activations
from cnnlab.units import (
    compare_directions,
    label_agreement,
    random_directions,
    random_rotation,
    top_along_direction,
    top_patches,
)


def test_a_unit_is_the_direction_of_its_axis(tiny, floats):
    units, axes = (
        top_patches(tiny, floats, "conv2", k=4),
        top_along_direction(tiny, floats, "conv2", torch.eye(5), k=4),
    )
    assert torch.equal(units.picture, axes.picture) and torch.equal(units.position, axes.position)
    assert torch.allclose(units.value, axes.value)


def test_a_direction_is_the_weighted_sum_of_units(tiny, floats):
    weights = random_directions(5, 3, seed=4)
    result = top_along_direction(tiny, floats, "conv2", weights, k=2, batch_size=5)
    maps = activations(tiny, floats, "conv2")["conv2"]
    mixed = torch.stack([sum(w[t].double() * maps[:, t] for t in range(5)) for w in weights], 1)
    best = mixed.flatten(2).amax(2).topk(2, dim=0)
    assert torch.equal(result.picture, best.indices.T)
    assert torch.allclose(result.value, best.values.T)
    single = top_along_direction(tiny, floats, "conv2", weights[1], k=2)
    assert torch.equal(single.picture[0], result.picture[1])


def test_random_directions_have_length_one_and_no_preference():
    drawn = random_directions(3, 20_000, seed=1)
    assert torch.allclose(drawn.norm(dim=1), torch.ones(20_000))
    assert drawn.mean(0).abs().max() < 0.02
    assert torch.allclose(drawn.T @ drawn / 20_000, torch.eye(3) / 3, atol=0.01)
    assert torch.equal(drawn, random_directions(3, 20_000, seed=1))
    assert not torch.equal(drawn, random_directions(3, 20_000, seed=2))


@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_a_rotation_keeps_lengths_angles_and_handedness(size):
    turn = random_rotation(size, seed=size)
    assert torch.allclose(turn @ turn.T, torch.eye(size), atol=1e-5)
    assert float(torch.linalg.det(turn)) == pytest.approx(1, abs=1e-4)


def test_half_a_rotation_twice_is_the_whole():
    whole, half = random_rotation(7, seed=2), random_rotation(7, amount=0.5, seed=2)
    assert torch.allclose(half @ half, whole, atol=1e-5)
    assert torch.allclose(half @ half.T, torch.eye(7), atol=1e-5)
    assert torch.allclose(random_rotation(7, amount=0, seed=2), torch.eye(7), atol=1e-6)
    with pytest.raises(ValueError, match="amount of the rotation must lie between 0 and 1"):
        random_rotation(7, amount=1.5)


def test_rotations_have_no_preference():
    """Entries of a rotation drawn evenly have mean 0 and mean square 1 / size."""
    drawn = torch.stack([random_rotation(4, seed=seed) for seed in range(600)])
    assert drawn.mean(0).abs().max() < 0.08
    assert (drawn.square().mean(0) - 0.25).abs().max() < 0.05


def test_agreement_counts_pairs():
    labels = torch.tensor([[3, 3, 3, 3], [1, 1, 2, 2], [0, 1, 2, 3], [5, 5, 5, 1]])
    assert label_agreement(labels).tolist() == pytest.approx([1, 2 / 6, 0, 3 / 6])
    with pytest.raises(ValueError, match="k of at least 2"):
        label_agreement(labels[:, :1])


def test_units_that_know_the_label_agree_and_mixtures_less(colour_network, flags):
    """Each unit answers to the colour of one class; a mixture of two of them is excited by both classes."""
    result = compare_directions(colour_network, flags, "conv", k=4, draws=50, seed=1)
    assert result.units.tolist() == [1, 1, 1]
    assert result.chance == pytest.approx(3 * 4 * 3 / (12 * 11))
    assert result.directions.shape == (50,) and 0 < result.directions.mean() < 1
    assert result.difference == pytest.approx(1 - float(result.directions.mean()))
    low, high = result.interval
    assert 0 < low < result.difference < high
    spread = 1.96 * float(result.directions.std()) / 50**0.5
    assert high - low == pytest.approx(2 * spread, rel=0.15)


def test_the_comparison_repeats_with_its_seed_and_takes_other_labels(tiny, floats):
    labels = torch.arange(23) % 2
    options = {"k": 3, "draws": 5, "labels": labels}
    first, again = (compare_directions(tiny, floats, "conv2", seed=3, **options) for _ in range(2))
    assert torch.equal(first.directions, again.directions) and first.interval == again.interval
    assert first.chance == pytest.approx((12 * 11 + 11 * 10) / (23 * 22))
    with pytest.raises(ValueError, match="one label for each of 23 pictures"):
        compare_directions(tiny, floats, "conv2", labels=labels[:5])


def test_directions_must_fit_the_layer(tiny, floats):
    with pytest.raises(ValueError, match='D x 5, one number for each unit of "conv2", but came as 2 x 6'):
        top_along_direction(tiny, floats, "conv2", torch.ones(2, 6))
