"""Evolution keeps the best, counts its questions, and breeds what its encoding can draw."""

from __future__ import annotations

import math

import pytest
import torch

from cnnlab.robustness import cppn, evolve_fooling
from cnnlab.robustness.fooling_images import _DirectEncoding


@pytest.mark.parametrize("encoding", ["cppn", "direct"])
def test_the_champions_never_get_worse(network, encoding):
    bred = list(evolve_fooling(network, encoding=encoding, generations=6, population=20, confidence=1))
    sure = torch.stack([best.probabilities for best in bred])
    assert sure.shape == (7, 5) and (sure.diff(dim=0) >= 0).all() and sure[-1].mean() > sure[0].mean()
    assert [best.generation for best in bred] == list(range(7))
    last = bred[-1]
    assert last.images.shape == (5, 3, 16, 16) and last.images.min() >= 0 and last.images.max() <= 1
    reported = network(last.images).softmax(1).gather(1, last.targets[:, None])[:, 0]
    assert torch.allclose(reported, last.probabilities, atol=1e-5)


def test_every_question_is_counted(counting):
    bred = list(evolve_fooling(counting, 2, generations=3, population=11, confidence=1, size=16))
    assert [best.queries for best in bred] == [11, 22, 33, 44] and counting.pictures == 44


def test_it_ends_when_the_network_is_sure_enough(network):
    easy = list(evolve_fooling(network, "wolf", generations=30, population=30, confidence=0.25))
    assert easy[-1].probabilities.item() >= 0.25 and 1 < len(easy) < 31
    assert all(best.probabilities.item() < 0.25 for best in easy[:-1])


def test_the_seed_decides(network):
    def last(seed):
        return list(evolve_fooling(network, ["goat", 3], generations=2, population=8, seed=seed))[-1]

    assert torch.equal(last(1).images, last(1).images) and not torch.equal(last(1).images, last(2).images)
    assert last(1).targets.tolist() == [1, 3]


def test_wrong_arguments_are_told_before_the_first_generation(network):
    with pytest.raises(ValueError, match="cppn"):
        evolve_fooling(network, 0, encoding="dna")
    with pytest.raises(ValueError, match="sheep"):
        evolve_fooling(network, "sheeep")
    del network.input_size
    with pytest.raises(ValueError, match="size"):
        evolve_fooling(network, 0)


def test_one_value_in_ten_changes_and_mostly_a_little():
    breeder = _DirectEncoding(64, torch.Generator().manual_seed(0))
    parent = torch.full((3, 64, 64), 0.5)
    child = breeder.mutate([parent])[0]
    changed = child != parent
    assert changed.double().mean().item() == pytest.approx(0.1, abs=0.01)
    steps = (child - parent)[changed].abs()
    # Deb's polynomial mutation with index 15: the mean step is 1 / (15 + 2).
    assert steps.mean().item() == pytest.approx(1 / 17, rel=0.1)


def test_a_pattern_is_the_formula_that_it_says():
    nodes = {number: cppn.Node("linear", 0.0, {}) for number in range(4)}
    nodes[7] = cppn.Node("sine", 0.5, {0: 0.5, 3: 0.2})
    nodes[4] = cppn.Node("linear", 1.0, {3: 0.0})  # hue 0: red
    nodes[5] = cppn.Node("linear", 1.0, {3: 1.0})  # saturation 1
    nodes[6] = cppn.Node("gaussian", 1.0, {7: 1.0, 1: -0.5})
    picture = cppn.render_pattern(cppn.Pattern(nodes), 5)
    for row in range(5):
        for column in range(5):
            x, y = column / 2 - 1, row / 2 - 1
            hidden = math.sin(3 * (0.5 * x + 0.2))
            value = math.exp(-((1.5 * (hidden - 0.5 * y)) ** 2))  # (output + 1) / 2
            assert picture[:, row, column].tolist() == pytest.approx([value, 0, 0], abs=1e-5)


def test_patterns_stay_drawable_and_grow():
    generator = torch.Generator().manual_seed(0)
    pattern = cppn.minimal_pattern(generator)
    assert len(pattern) == 3
    for _ in range(150):
        pattern = cppn.mutate(pattern, generator)
        for node in pattern.nodes.values():
            assert all(pattern.nodes[source].depth < node.depth for source in node.weights)
    picture = cppn.render_pattern(pattern, 24)
    assert len(pattern) > 10 and picture.isfinite().all() and picture.min() >= 0 and picture.max() <= 1
    twice = torch.nn.functional.avg_pool2d(cppn.render_pattern(pattern, 25)[None], 1)[0]
    assert torch.allclose(
        twice[:, ::24, ::24], picture[:, ::23, ::23], atol=1e-4
    )  # the same formula at any size
