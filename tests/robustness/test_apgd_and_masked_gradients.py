"""APGD against its authors' algorithm as torchattacks has it; and a defence that has no gradient and no strength."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torchattacks
from torch import nn
from unchanged import state

from cnnlab.robustness import (
    LogitScaleDefence,
    apgd,
    loss_gradient,
    masked_gradient_signs,
    norm_ball,
    pgd,
    query_attack,
    robust_accuracy,
)
from cnnlab.robustness.apgd import _checkpoints, difference_of_logits_ratio


@pytest.fixture
def many():
    return torch.rand(24, 3, 16, 16, generator=torch.Generator().manual_seed(11))


def start_of_torchattacks(originals, epsilon, norm, _generator):
    torch.manual_seed(0)
    if norm == "linf":
        change = 2 * torch.rand(originals.shape) - 1
        change /= norm_ball.per_image(norm_ball.norm_of(change, norm))
    else:
        change = torch.randn(originals.shape)
        change /= norm_ball.per_image(norm_ball.norm_of(change, norm))
    return (originals + epsilon * change).clamp(0, 1)


@pytest.mark.parametrize("loss", ["ce", "dlr"])
@pytest.mark.parametrize(("norm", "theirs", "epsilon"), [("linf", "Linf", 0.02), ("l2", "L2", 0.4)])
def test_from_the_same_start_apgd_finds_what_torchattacks_finds(
    network, many, monkeypatch, loss, norm, theirs, epsilon
):
    labels = network(many).argmax(1)
    oracle = torchattacks.APGD(network, norm=theirs, eps=epsilon, steps=100, loss=loss)
    torch.manual_seed(0)
    expected, stays, _, _ = oracle.attack_single_run(many, labels)
    monkeypatch.setattr(norm_ball, "random_point", start_of_torchattacks)
    result = apgd(network, many, labels, epsilon=epsilon, loss=loss, norm=norm)
    assert torch.equal(network(result).argmax(1) == labels, stays)
    # Signs of gradients near 0 depend on rounding, and after one of them two runs are not the same any more.
    same = (result - expected).abs().flatten(1).amax(1) < 1e-5
    assert same.double().mean() > 0.6


def test_checkpoints_come_closer_and_closer():
    assert _checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert _checkpoints(10) == [3, 5, 6, 7, 8, 9, 10, 10]


def test_the_ratio_is_positive_where_the_class_is_lost_and_knows_no_scale():
    logits = torch.tensor([[5.0, 2.0, 1.0, 0.0], [2.0, 5.0, 1.0, 0.0]])
    classes = torch.tensor([0, 0])
    assert difference_of_logits_ratio(logits, classes).tolist() == pytest.approx([-3 / 4, 3 / 4])
    scaled = difference_of_logits_ratio(1e4 * logits - 7, classes)
    assert torch.allclose(scaled, difference_of_logits_ratio(logits, classes))
    with pytest.raises(ValueError, match='2 classes; use "ce"'):
        difference_of_logits_ratio(logits[:, :2], classes)


def test_apgd_stays_in_its_ball_beats_pgd_and_leaves_the_network_as_it_was(network, many):
    labels = network(many).argmax(1)
    network[1].train()
    before = state(network)
    attacked = apgd(network, many, epsilon=0.02, steps=30)
    assert state(network) == before
    network.eval()
    assert (attacked - many).abs().max() <= 0.02 + 1e-6 and attacked.min() >= 0 and attacked.max() <= 1
    lost = [
        (network(x).argmax(1) != labels).sum()
        for x in (attacked, pgd(network, many, labels, epsilon=0.02, steps=30, step_size=0.02))
    ]
    assert lost[0] >= lost[1] > 0
    alone = apgd(network, many[3], epsilon=0.02, steps=3)
    assert alone.shape == many[3].shape and torch.equal(alone, apgd(network, many[3], epsilon=0.02, steps=3))


def test_apgd_reaches_the_optimum_of_a_linear_network(linear, middling):
    """On two logits the best change is epsilon against the sign of the difference of their weights."""
    labels = linear(middling).argmax(1)
    difference = linear[1].weight[1] - linear[1].weight[0]
    towards = torch.where(labels == 0, 1.0, -1.0)[:, None].double() * difference.sign()
    best = middling + 0.1 * towards.view_as(middling)
    assert torch.allclose(apgd(linear, middling, labels, epsilon=0.1, steps=30), best, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "match"), [({"loss": "hinge"}, "loss"), ({"norm": "l1"}, "norm"), ({"steps": 0}, "steps")]
)
def test_apgd_says_what_it_cannot_do(network, images, options, match):
    with pytest.raises(ValueError, match=match):
        apgd(network, images, **options)


def test_scaled_logits_decide_the_same_and_have_no_gradient(network, images):
    defended = LogitScaleDefence(network, scale=1e6)
    assert torch.equal(defended(images).argmax(1), network(images).argmax(1))
    labels = network(images).argmax(1)
    assert loss_gradient(network, images, labels).abs().amax() > 0
    assert loss_gradient(defended, images, labels).abs().amax() == 0
    assert defended.class_names == network.class_names and "times 1e+06" in defended.name
    with pytest.raises(ValueError, match="scale"):
        LogitScaleDefence(network, scale=0)


def test_pgd_stands_still_before_the_mask_and_the_ratio_and_the_black_box_do_not(network, many):
    labels = network(many).argmax(1)
    defended, epsilon = LogitScaleDefence(network, scale=1e6), 0.04
    accuracy = {
        name: robust_accuracy(defended, [(many, labels)], attack).accuracy
        for name, attack in {
            "pgd": partial(pgd, epsilon=epsilon, random_start=False),
            "ce": partial(apgd, epsilon=epsilon, steps=30),
            "dlr": partial(apgd, epsilon=epsilon, steps=30, loss="dlr"),
            "square": lambda m, x, y: query_attack(m, x, y, epsilon=epsilon, queries=200).images,
        }.items()
    }
    assert accuracy["pgd"] > 0.9 > 0.5 > accuracy["dlr"]
    assert accuracy["square"] < accuracy["pgd"] and accuracy["dlr"] < accuracy["ce"]
    unmasked = apgd(network, many, labels, epsilon=epsilon, steps=30, loss="dlr")
    assert float((network(unmasked).argmax(1) == labels).double().mean()) == accuracy["dlr"]


def test_the_mask_shows_its_signs_and_an_honest_network_shows_none(network, many):
    labels = network(many).argmax(1)
    honest = masked_gradient_signs(network, many, labels, epsilon=0.02)
    assert not honest.suspicious and honest.zero_gradients == 0 and honest.accuracy["none"] == 1
    masked = masked_gradient_signs(LogitScaleDefence(network, scale=1e6), many, labels, epsilon=0.04)
    assert masked.suspicious and masked.zero_gradients == 1
    for sign in ("a black box does better", "no limit is not enough", "no gradient"):
        assert masked.signs[sign]
    # The black box sees the same decisions, so it finds the same as without the mask.
    plain = masked_gradient_signs(network, many, labels, epsilon=0.04)
    assert masked.accuracy["black box"] == pytest.approx(plain.accuracy["black box"], abs=0.05)


def test_the_square_attack_breaks_as_many_as_that_of_torchattacks(network, many):
    """Both choose at random, so single pictures differ; of 24, each breaks about as many."""
    labels = network(many).argmax(1)
    oracle = torchattacks.Square(network, norm="Linf", eps=0.05, n_queries=200, n_restarts=1, p_init=0.3)
    theirs = (network(oracle(many, labels)).argmax(1) != labels).double().mean()
    ours = query_attack(network, many, labels, epsilon=0.05, queries=200, initial_fraction=0.3)
    assert theirs > 0 and abs(float(ours.success.double().mean() - theirs)) < 0.2


def test_a_network_without_any_gradient_is_suspicious_for_it():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 3)).eval()
    nn.init.zeros_(flat[1].weight)
    found = masked_gradient_signs(flat, torch.rand(2, 3, 16, 16), queries=5, steps=2)
    assert found.zero_gradients == 1 and found.signs["no gradient"] and found.accuracy["PGD"] == 1


def test_of_images_that_are_all_wrong_nothing_can_be_said(network, many):
    wrong = (network(many).argmax(1) + 1) % network(many).shape[1]
    with pytest.raises(ValueError, match="none of these images correctly"):
        masked_gradient_signs(network, many, wrong)
