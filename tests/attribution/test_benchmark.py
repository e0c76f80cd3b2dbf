"""The comparison of methods: its numbers are those of the single scores, and its baselines know nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab.attribution import SCORES, compare, deletion_insertion, pointing_game, relevance_mass


class Middle(nn.Module):
    """Class 1 reads the brightness of a square; the other class is constant."""

    def forward(self, images):
        seen = images[:, :, 2:6, 9:13].mean((1, 2, 3))
        return torch.stack([torch.full_like(seen, 2.0), 6 * seen], 1)


@pytest.fixture
def data():
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.3
    images[:, :, 2:6, 9:13] = 0.9
    masks = torch.zeros(6, 16, 16, dtype=torch.bool)
    masks[:, 2:6, 9:13] = True
    return images, masks


@pytest.fixture
def comparison(data):
    images, masks = data
    return compare(Middle(), images, masks, {"truth": masks.float(), "turned": 1 - masks.float()}, 1, steps=8)


def test_each_score_is_the_one_of_its_own_function(comparison, data):
    images, masks = data
    curves = deletion_insertion(Middle(), images, masks.float(), 1, steps=8)
    assert torch.allclose(comparison.values["deletion"][0], curves.deletion_area.double())
    assert torch.allclose(comparison.values["insertion"][0], curves.insertion_area.double())
    assert torch.equal(comparison.values["pointing"][0], pointing_game(masks.float(), masks).hits)
    assert torch.equal(comparison.values["mass"][0], relevance_mass(masks.float(), masks).share)


def test_only_the_scores_asked_for_are_measured(comparison, data):
    images, masks = data
    model = Middle()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    maps = {"truth": masks.float(), "turned": 1 - masks.float()}
    some = compare(model, images, masks, maps, 1, scores=("mass", "pointing"))
    assert not calls
    assert list(some.values) == ["mass", "pointing"]
    assert torch.equal(some.values["mass"], comparison.values["mass"])
    assert "deletion" not in some.table()
    with pytest.raises(ValueError, match="score"):
        compare(model, images, masks, maps, 1, scores=("beauty",))


def test_the_truth_wins_every_score_and_its_opposite_loses(comparison):
    assert comparison.methods == ("truth", "turned", "centre", "random")
    for score in SCORES:
        best, worst = comparison.of("truth", score), comparison.of("turned", score)
        assert (best < worst) if score == "deletion" else (best > worst)
    assert comparison.of("truth", "pointing") == 1 and comparison.of("turned", "mass") == 0


def test_the_random_baseline_has_its_mass_where_the_area_is(data):
    images, masks = data
    comparison = compare(Middle(), images, masks, {}, 1, steps=2)
    area = float(masks.float().mean())
    assert comparison.of("random", "mass") == pytest.approx(area, abs=0.02)
    assert comparison.of("centre", "pointing") == 0  # the square does not lie in the middle


def test_intervals_hold_the_mean_and_shrink_to_it_without_spread(comparison):
    for score in SCORES:
        low, high = comparison.interval(score).T
        assert (low <= comparison.mean(score) + 1e-9).all() and (comparison.mean(score) <= high + 1e-9).all()
    assert comparison.interval("pointing")[0].tolist() == [1.0, 1.0]
    assert float(comparison.interval("deletion")[3][1] - comparison.interval("deletion")[3][0]) > 0


def test_pictures_without_an_object_do_not_count(data):
    images, masks = data
    masks[2] = False
    comparison = compare(Middle(), images, masks, {"truth": masks.float()}, 1, steps=2)
    assert comparison.values["pointing"][0].isnan().tolist() == [False, False, True, False, False, False]
    assert comparison.of("truth", "pointing") == 1


def test_the_table_has_a_line_for_each_method_with_its_means(comparison):
    head, *lines = comparison.table().splitlines()
    assert head.split() == list(SCORES)
    assert [line.split()[0] for line in lines] == list(comparison.methods)
    assert f"{comparison.of('turned', 'deletion'):.2f}" in lines[1]


def test_a_method_must_not_be_called_like_a_baseline(data):
    images, masks = data
    with pytest.raises(ValueError, match="centre"):
        compare(Middle(), images, masks, {"centre": masks.float()}, 1)
    with pytest.raises(ValueError, match="score"):
        compare(Middle(), images, masks, {}, 1, steps=2).mean("beauty")
