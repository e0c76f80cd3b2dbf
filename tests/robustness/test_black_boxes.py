"""Attacks that only ask: one pixel, queries, transfer. What they find, and that they count honestly."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import nn
from unchanged import state

from cnnlab.robustness import fgsm, one_pixel, one_pixel_steps, pgd, query_attack, transfer_attack
from cnnlab.robustness.one_pixel import _mutate


class OnePixelMatters(nn.Module):
    """Says class 1 if the pixel in row 5, column 7 is red (and hardly blue), else class 0; near by it is a little surer."""

    def forward(self, images):
        red = images[:, 0, 5, 7] - images[:, 2, 5, 7]
        near = images[:, 0, 3:8, 5:10].mean((1, 2))
        return torch.stack([torch.full_like(red, 1.2), red + near], 1)


@pytest.fixture
def grey():
    return torch.full((3, 12, 12), 0.5)


def test_one_pixel_finds_the_pixel_that_matters(grey):
    result = one_pixel(OnePixelMatters(), grey, 0, population=100, generations=60)
    assert result.success and result.predicted == 1
    assert result.positions.tolist() == [[5, 7]] and result.colours[0, 0] > 0.6 > result.colours[0, 2]
    changed = (result.image != grey).any(0)
    assert changed.sum() == 1 and changed[5, 7]
    assert torch.equal(result.image[:, 5, 7], result.colours[0])


def test_a_small_population_is_not_enough(grey):
    assert not one_pixel(OnePixelMatters(), grey, 0, population=10, generations=10).success


def test_every_question_is_counted(counting, images):
    result = one_pixel(counting, images[0], population=30, generations=4, seed=2)
    # The original, once, and the best candidate again after each generation, are not counted.
    generations = result.queries // 30
    assert counting.pictures == result.queries + 1 + generations
    assert not result.success and result.queries == 30 * 5


def test_the_search_never_gets_worse_and_stops_when_it_is_there(network, images):
    steps = list(
        one_pixel_steps(network, images[1], "goat", population=20, generations=8, pixels=3, targeted=True)
    )
    odds = [step.probability for step in steps]
    assert odds == sorted(odds) and steps[-1].positions.shape == (3, 2)
    assert [step.success for step in steps[:-1]] == [False] * (len(steps) - 1)
    result = one_pixel(OnePixelMatters(), torch.full((3, 12, 12), 0.5), 0, population=100, generations=60)
    assert result.queries < 100 * 61


def test_children_are_made_of_three_others():
    generator = torch.Generator().manual_seed(0)
    parents = torch.rand(5, 1, 5, generator=generator) * 0.2 + 0.4  # so that nothing leaves the range
    children = _mutate(parents, 0.5, generator)
    for number, child in enumerate(children):
        others = [i for i in range(5) if i != number]
        made = [parents[a] + 0.5 * (parents[b] - parents[c]) for a, b, c in permutations(others, 3)]
        assert any(torch.allclose(child, single, atol=1e-6) for single in made)


def test_children_stay_in_the_picture():
    generator = torch.Generator().manual_seed(1)
    parents = torch.rand(50, 2, 5, generator=generator)
    children = _mutate(parents, 2.0, generator)
    assert children.min() >= 0 and children.max() <= 1 and (children[..., :2] < 1).all()


def test_a_query_attack_counts_what_it_asks(counting, images):
    result = query_attack(counting, images, epsilon=0.05, queries=40)
    assert counting.pictures == len(images) + int(result.queries.sum())
    assert (result.queries[~result.success] == 40).all() and (result.queries <= 40).all()


def test_a_query_attack_turns_what_noise_of_the_same_size_does_not(network, images, labels):
    epsilon = 0.08
    result = query_attack(network, images, labels, epsilon=epsilon, queries=200)
    assert (result.images - images).abs().max() <= epsilon + 1e-6
    assert result.images.min() >= 0 and result.images.max() <= 1
    assert torch.equal(network(result.images).argmax(1) != labels, result.success)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 2, images.shape, generator=generator) * 2 - 1
    noisy = network((images + epsilon * noise).clamp(0, 1)).argmax(1) != labels
    assert result.success.sum() > noisy.sum()


def test_more_queries_never_hurt_and_none_are_wasted_on_what_is_turned(network, images, labels):
    few, many = (query_attack(network, images, labels, epsilon=0.08, queries=n) for n in (20, 300))
    assert (many.success | ~few.success).all()
    wrong = (labels + 1) % 5
    assert (query_attack(network, images, wrong).queries == 0).all()


def test_a_targeted_query_attack_reaches_its_target(network, images, labels):
    goal = (labels + 1) % 5
    result = query_attack(network, images, goal, epsilon=0.2, queries=300, targeted=True)
    assert result.success.any() and torch.equal(network(result.images).argmax(1) == goal, result.success)
    alone = query_attack(network, images[0], int(goal[0]), epsilon=0.2, queries=5, targeted=True)
    assert alone.images.shape == (3, 16, 16) and alone.queries.shape == ()


def test_transfer_to_itself_is_the_attack_itself(network, images, labels):
    attacked = pgd(network, images, labels)
    result = transfer_attack(network, network, images, labels)
    assert torch.equal(result.images, attacked) and result.evaluated.all()
    assert torch.equal(result.victim, network(attacked).argmax(1) != labels)
    assert result.surrogate_rate == result.victim_rate


def test_a_transfer_leaves_both_networks_as_they_were(network, other_network, images):
    network.train(), other_network[1].train()
    before = state(network), state(other_network)
    transfer_attack(network, other_network, images)
    assert (state(network), state(other_network)) == before


def test_transfer_counts_only_what_both_answer_right(network, other_network, images, labels):
    result = transfer_attack(network, other_network, images, labels, attack=fgsm)
    theirs = other_network(images).argmax(1)
    assert torch.equal(result.evaluated, theirs == labels)
    assert not result.victim[theirs != labels].any()
    other_network.class_names = ("cup", "tree", "car", "fish", "house")
    with pytest.raises(ValueError, match="same classes"):
        transfer_attack(network, other_network, images)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda m, x: one_pixel(m, x), "one picture"),
        (lambda m, x: one_pixel(m, x[0], population=3), "population"),
        (lambda m, x: one_pixel(m, x[0], targeted=True), "where to go"),
        (lambda m, x: query_attack(m, x, targeted=True), "where to go"),
        (lambda m, x: query_attack(m, x, epsilon=8), "say 4/255"),
        (lambda m, x: query_attack(m, x, "cat"), "not known"),
    ],
)
def test_errors_say_what_was_expected(network, images, call, match):
    with pytest.raises(ValueError, match=match):
        call(network, images)


def test_one_pixel_answers_are_the_networks_own(images):
    """The short way over what a pixel can reach and the whole way find the same pictures, question for question."""
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3),
        nn.ReLU(),
    )
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)).eval()
    hooked = nn.Sequential(model)  # a hook may do anything, so such a network is asked in the ordinary way
    seen = []
    hooked.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    options = {"population": 30, "generations": 5, "seed": 3, "target": 2, "targeted": True}
    quick, whole = one_pixel(model, images[0], **options), one_pixel(hooked, images[0], **options)
    assert max(seen) == 30
    assert quick.queries == whole.queries
    assert torch.equal(quick.positions, whole.positions)
    assert torch.equal(quick.image, whole.image)
    assert quick.probability == pytest.approx(whole.probability, rel=1e-5)
