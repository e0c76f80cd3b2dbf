"""FGSM and PGD: closed forms on a linear network, another library's numbers, and what no attack may do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
import torchattacks
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnnlab.robustness import fgsm, loss_gradient, norm_ball, pgd, query_attack, random_signs


def loss(model, images, labels):
    with torch.no_grad():
        return F.cross_entropy(model(images), labels, reduction="none")


def margin(model, images, labels):
    """N numbers: how far the logit of the class is above that of the other (two classes)."""
    with torch.no_grad():
        logits = model(images)
    return logits.gather(1, labels[:, None])[:, 0] - logits.gather(1, 1 - labels[:, None])[:, 0]


def test_the_loss_gradient_is_that_of_the_cross_entropy_on_logits(linear, middling):
    labels = torch.arange(8) % 2
    weights = linear[1].weight.detach()
    off = linear(middling).softmax(1) - F.one_hot(labels)  # d J / d z
    expected = (off @ weights).detach().view_as(middling)
    assert torch.allclose(loss_gradient(linear, middling, labels), expected, atol=1e-12)
    assert torch.allclose(loss_gradient(linear, middling[3], int(labels[3])), expected[3], atol=1e-12)


def test_fgsm_on_a_linear_network_lowers_the_margin_by_epsilon_times_the_l1_norm(linear, middling):
    labels = linear(middling).argmax(1)
    weights = linear[1].weight.detach()
    attacked = fgsm(linear, middling, labels, epsilon=0.02)
    expected = margin(linear, middling, labels) - 0.02 * (weights[0] - weights[1]).abs().sum()
    assert torch.allclose(margin(linear, attacked, labels), expected, atol=1e-10)


def test_no_other_change_of_that_size_is_worse_for_a_linear_network(linear, middling):
    labels = linear(middling).argmax(1)
    best = margin(linear, fgsm(linear, middling, labels, epsilon=0.02), labels)
    for _ in range(50):
        change = 0.02 * torch.randn_like(middling).sign()
        assert (margin(linear, middling + change, labels) >= best).all()


def test_pgd_reaches_the_closed_form_in_both_norms(linear, middling):
    labels = linear(middling).argmax(1)
    weights = linear[1].weight.detach()
    start = margin(linear, middling, labels)
    for norm, dual in (("linf", 1), ("l2", 2)):
        # A random start in "l2" comes only nearer and nearer to the pole of the ball, so it is left out there.
        attacked = pgd(
            linear, middling, labels, epsilon=0.05, norm=norm, steps=40, random_start=norm == "linf"
        )
        expected = start - 0.05 * torch.linalg.vector_norm(weights[0] - weights[1], dual)
        assert torch.allclose(margin(linear, attacked, labels), expected, atol=1e-10), norm


@pytest.mark.parametrize("targeted", [False, True])
def test_fgsm_agrees_with_torchattacks(network, images, labels, targeted):
    theirs = torchattacks.FGSM(network, eps=8 / 255)
    targets = (labels + 1) % 5 if targeted else labels
    if targeted:
        theirs.set_mode_targeted_by_function(lambda _images, given: given)
    assert torch.equal(
        fgsm(network, images, targets, epsilon=8 / 255, targeted=targeted), theirs(images, targets)
    )


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("random_start", [False, True])
def test_pgd_agrees_with_torchattacks(network, images, labels, targeted, random_start):
    targets = (labels + 2) % 5 if targeted else labels
    options = {"eps": 8 / 255, "alpha": 2 / 255, "steps": 7, "random_start": random_start}
    theirs = torchattacks.PGD(network, **options)
    if targeted:
        theirs.set_mode_targeted_by_function(lambda _images, given: given)
    ours = {"epsilon": 8 / 255, "step_size": 2 / 255, "steps": 7, "random_start": random_start}
    torch.manual_seed(11)
    expected = theirs(images, targets)
    assert torch.allclose(
        pgd(network, images, targets, targeted=targeted, seed=11, **ours), expected, atol=1e-6
    )


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("random_start", [False, True])
def test_pgd_in_l2_agrees_with_torchattacks(network, images, labels, targeted, random_start):
    targets = (labels + 2) % 5 if targeted else labels
    theirs = torchattacks.PGDL2(network, eps=0.8, alpha=0.2, steps=7, random_start=random_start)
    if targeted:
        theirs.set_mode_targeted_by_function(lambda _images, given: given)
    torch.manual_seed(11)
    expected = theirs(images, targets)
    ours = {"epsilon": 0.8, "step_size": 0.2, "steps": 7, "norm": "l2", "random_start": random_start}
    assert torch.allclose(
        pgd(network, images, targets, targeted=targeted, seed=11, **ours), expected, atol=1e-5
    )


def test_one_forward_and_one_backward_pass_a_step_and_no_more(counting, images, labels):
    fgsm(counting, images, labels)
    assert (counting.forwards, counting.backwards) == (1, 1)
    fgsm(counting, images)
    assert (counting.forwards, counting.backwards) == (2, 2)
    pgd(counting, images, labels, steps=6)
    assert (counting.forwards, counting.backwards) == (8, 8)


def test_pgd_is_worse_than_fgsm_and_fgsm_worse_than_noise_of_the_same_size(network, images, labels):
    noise = (images + 0.03 * torch.randn_like(images).sign()).clamp(0, 1)
    single, many = (attack(network, images, labels, epsilon=0.03) for attack in (fgsm, pgd))
    losses = [loss(network, pictures, labels).mean() for pictures in (images, noise, single, many)]
    assert losses[3] > losses[2] > 1.5 * losses[1] and losses[2] > 1.5 * losses[0]
    assert (loss(network, single, labels) > loss(network, images, labels)).all()


def test_a_targeted_attack_raises_the_target(network, images, labels):
    goal = (labels + 1) % 5
    for attack in (fgsm, pgd):
        assert (
            loss(network, attack(network, images, goal, epsilon=0.02, targeted=True), goal)
            < loss(network, images, goal)
        ).all()


@given(st.sampled_from(["linf", "l2"]), st.floats(0, 1), st.integers(0, 5))
def test_what_is_projected_lies_in_the_ball_and_in_the_range_and_stays_there(norm, epsilon, seed):
    generator = torch.Generator().manual_seed(seed)
    originals = torch.rand(3, 3, 4, 4, generator=generator, dtype=torch.float64)
    pictures = originals + torch.randn(originals.shape, generator=generator, dtype=torch.float64)
    inside = norm_ball.project(pictures, originals, epsilon, norm)
    assert inside.min() >= 0 and inside.max() <= 1
    assert (norm_ball.norm_of(inside - originals, norm) <= epsilon + 1e-12).all()
    assert torch.allclose(norm_ball.project(inside, originals, epsilon, norm), inside, atol=1e-12)
    started = norm_ball.random_point(originals, epsilon, norm, generator)
    assert (norm_ball.norm_of(started - originals, norm) <= epsilon + 1e-12).all()
    assert started.min() >= 0 and started.max() <= 1


def test_the_original_pictures_and_the_global_chance_are_left_alone(network, images, labels):
    mine, state = images.clone(), torch.get_rng_state()
    mine.requires_grad_()
    pgd(network, mine, labels, steps=2)
    assert torch.equal(mine, images) and mine.grad is None and torch.equal(torch.get_rng_state(), state)


def test_a_seed_repeats_and_another_seed_starts_elsewhere(network, images, labels):
    first, again, other = (pgd(network, images, labels, steps=2, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    still = [pgd(network, images, labels, steps=2, random_start=False, seed=seed) for seed in (1, 2)]
    assert torch.equal(*still)


def test_a_picture_comes_back_alone_and_does_not_depend_on_its_neighbours(network, images, labels):
    together = pgd(network, images, labels, random_start=False)
    alone = pgd(network, images[2], int(labels[2]), random_start=False)
    assert alone.shape == (3, 16, 16) and torch.allclose(alone, together[2], atol=1e-6)


def test_without_a_target_it_is_the_predicted_class(network, images, labels):
    for attack in (fgsm, pgd):
        assert torch.equal(attack(network, images), attack(network, images, labels))


def test_targets_come_as_names_numbers_and_one_for_each(network, images):
    names = ["goat", "wolf", "goat", "bird"]
    by_name = fgsm(network, images, names, targeted=True)
    assert torch.equal(by_name, fgsm(network, images, torch.tensor([1, 2, 1, 4]), targeted=True))
    assert torch.equal(by_name, fgsm(network, images, [1, 2, 1, 4], targeted=True))
    assert torch.equal(fgsm(network, images, "wolf"), fgsm(network, images, 2))


def test_where_the_gradient_is_zero_nothing_moves(images):
    class Deaf(nn.Module):
        def forward(self, images):
            return 0 * images.flatten(1)[:, :2]

    assert torch.equal(fgsm(Deaf(), images, 0), images)
    assert torch.equal(pgd(Deaf(), images, 0, norm="l2", random_start=False), images)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda m, x: fgsm(m, x * 255), ValueError, r"\[0, 1\]"),
        (lambda m, x: pgd(m, x, epsilon=4), ValueError, "say 4/255"),
        (lambda m, x: fgsm(m, x, epsilon=-0.1), ValueError, "epsilon"),
        (lambda m, x: pgd(m, x, norm="l1"), ValueError, "linf"),
        (lambda m, x: pgd(m, x, steps=0), ValueError, "steps"),
        (lambda m, x: pgd(m, x, targeted=True), ValueError, "where to go"),
        (lambda m, x: fgsm(m, x, "shep"), ValueError, '"sheep"'),
        (lambda m, x: fgsm(m, x, 5), ValueError, "between 0 and 4"),
        (lambda m, x: fgsm(m, x, [0, 1]), ValueError, "one for each of 4"),
        (lambda m, x: fgsm(m, x, [0, None, 1, 2]), ValueError, "None is no class"),
        (lambda m, x: fgsm(m, x, torch.tensor([0, 1, 2, 9])), ValueError, "between 0 and 4"),
    ],
)
def test_errors_say_what_was_expected(network, images, call, error, match):
    with pytest.raises(error, match=match):
        call(network, images)


ATTACKS = {
    "fgsm": lambda model, images: fgsm(model, images),
    "pgd": lambda model, images: pgd(model, images),
    "pgd in l2": lambda model, images: pgd(model, images, norm="l2", epsilon=0.3),
    "query_attack": lambda model, images: query_attack(model, images, queries=4, epsilon=4 / 255).images,
    "random_signs": lambda model, images: random_signs(model, images),
}


@pytest.mark.parametrize("of_images", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("of_model", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_use_their_ball_to_the_rim_in_every_float_type(network, attack, of_model, of_images):
    """In half precision 4/255 would be up to a sixteenth of a step of 1/255 too much."""
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    images = (0.3 + 0.4 * images).to(of_images)
    attacked = ATTACKS[attack](network.to(of_model), images)
    assert attacked.dtype in (torch.float32, torch.float64)
    change = (attacked - images.to(attacked.dtype)).flatten(1)
    size, epsilon = (change.norm(dim=1).max(), 0.3) if "l2" in attack else (change.abs().max(), 4 / 255)
    assert size.item() == pytest.approx(epsilon, rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_slack_of_the_ball_is_that_of_rounding(norm, dtype):
    originals = torch.full((1, 3, 224, 224), 0.25, dtype=dtype)
    change = torch.zeros_like(originals)
    change[0, 0, 0, 0] = 0.5
    assert norm_ball.check_inside(originals + change, originals, 0.5, norm) is not None
    with pytest.raises(RuntimeError, match="left their ball"):
        norm_ball.check_inside(originals + change * (1 + 1e-3), originals, 0.5, norm)
    with pytest.raises(RuntimeError, match="left their ball"):
        norm_ball.check_inside(originals + change * torch.nan, originals, 0.5, norm)
