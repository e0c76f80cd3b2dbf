"""The smallest epsilon and the shortest change, against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab.robustness import bisect_epsilon, fgsm, loss_gradient, minimal_epsilon, penalty_attack


def gaps(linear, images):
    """The predicted class, its margin, and the difference of the two rows of weights."""
    with torch.no_grad():
        logits = linear(images)
    labels = logits.argmax(1)
    weights = linear[1].weight.detach()
    return labels, (logits[:, 0] - logits[:, 1]).abs(), weights[0] - weights[1]


def test_flip_epsilon_is_the_margin_over_the_l1_norm_for_a_linear_network(linear, middling):
    labels, margins, weights = gaps(linear, middling)
    flip = minimal_epsilon(linear, middling, max_epsilon=0.3, tolerance=1e-6)
    expected = margins / weights.abs().sum()
    assert (expected < 0.29).all(), "else pictures are clipped and the closed form does not hold"
    assert torch.allclose(flip.epsilon, expected, atol=2e-6)
    assert torch.equal(flip.before, labels) and torch.equal(flip.after, 1 - labels)


def test_bisection_comes_within_the_tolerance_and_says_where_nothing_flips():
    *waiting, found = bisect_epsilon(lambda epsilon: epsilon >= 0.3, 1.0, 0.01)
    assert set(waiting) == {None} and 0.3 <= found < 0.31
    assert list(bisect_epsilon(lambda _epsilon: False, 1.0, 0.01)) == [float("inf")]


def test_just_below_the_flip_the_answer_holds_and_at_it_it_does_not(network, images, labels):
    flip = minimal_epsilon(network, images, tolerance=1e-5)
    assert flip.epsilon.isfinite().any()
    for number in flip.epsilon.isfinite().nonzero()[:, 0].tolist():
        at = float(flip.epsilon[number])
        message = [
            int(network(fgsm(network, images[number], int(labels[number]), epsilon=e)[None]).argmax())
            for e in (at - 2e-5, at)
        ]
        assert message == [int(labels[number]), int(flip.after[number])]


def test_a_known_gradient_saves_the_backward_pass(counting, images):
    gradient = loss_gradient(counting.model, images)
    assert torch.equal(
        minimal_epsilon(counting, images, gradient=gradient).epsilon,
        minimal_epsilon(counting.model, images).epsilon,
    )
    assert counting.backwards == 0
    minimal_epsilon(counting, images)
    assert counting.backwards == 1


def test_what_never_flips_has_no_epsilon_and_what_is_wrong_already_has_zero(network, images, labels):
    assert minimal_epsilon(network, images, max_epsilon=1e-6).epsilon.isinf().all()
    wrong = minimal_epsilon(network, images, (labels + 1) % 5)
    assert (wrong.epsilon == 0).all() and torch.equal(wrong.after, labels)


def test_a_single_picture_gives_single_numbers(network, images):
    assert minimal_epsilon(network, images[0]).epsilon.shape == ()
    result = penalty_attack(network, images[0], "wolf", steps=5, rounds=2)
    assert result.images.shape == (3, 16, 16) and result.norms.shape == ()


def test_the_penalty_attack_finds_the_distance_to_the_plane(linear, middling):
    labels, margins, weights = gaps(linear, middling)
    result = penalty_attack(linear, middling, 1 - labels)
    shortest = margins / weights.norm()
    assert result.success.all()
    assert (result.norms >= shortest - 1e-9).all() and (result.norms <= 1.02 * shortest).all()
    assert torch.equal(linear(result.images).argmax(1), 1 - labels)
    assert torch.allclose((result.images - middling).flatten(1).norm(dim=1), result.norms)


def test_the_penalty_attack_is_shorter_than_fgsm_and_stays_in_the_range(network, images, labels):
    goal = (labels + 1) % 5
    result = penalty_attack(network, images, goal)
    assert result.success.all() and result.images.min() >= 0 and result.images.max() <= 1
    assert torch.equal(network(result.images).argmax(1), goal)
    flip = minimal_epsilon(network, images, max_epsilon=0.3)
    fast = flip.epsilon * images[0].numel() ** 0.5  # the length of a change of epsilon in every pixel
    nearest = torch.stack([penalty_attack(network, images, k, steps=25, rounds=4).norms for k in range(5)])
    nearest[labels, torch.arange(4)] = torch.inf  # they are there already, with length 0
    assert (nearest.amin(0) < fast).all()


def test_a_picture_that_is_there_already_is_not_touched(network, images, labels):
    result = penalty_attack(network, images, labels, steps=3, rounds=1)
    assert torch.equal(result.images, images) and (result.norms == 0).all() and result.success.all()


def test_where_nothing_helps_the_penalty_attack_says_so(images):
    class Stubborn(nn.Module):
        def forward(self, images):
            return 0 * images.flatten(1)[:, :2] + torch.tensor([1.0, 0.0])

    result = penalty_attack(Stubborn(), images, 1, steps=3, rounds=2)
    assert not result.success.any() and result.norms.isinf().all() and torch.equal(result.images, images)
    assert result.weight.isnan().all()


def test_it_must_know_where_to_go(network, images):
    with pytest.raises(ValueError, match="where to go"):
        penalty_attack(network, images, None)
    with pytest.raises(ValueError, match="tolerance"):
        minimal_epsilon(network, images, tolerance=0)
