"""Scores of maps against masks, on maps made by hand."""

from __future__ import annotations

import math

import pytest
import torch

from cnnlab.attribution import pointing_game, relevance_mass


def peak(row: int, column: int, side: int = 4) -> torch.Tensor:
    """A map of zeros with a single 1."""
    relevance = torch.zeros(side, side)
    relevance[row, column] = 1
    return relevance


def box(top: int, left: int, bottom: int, right: int, side: int = 4) -> torch.Tensor:
    mask = torch.zeros(side, side, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def test_a_map_hits_when_its_maximum_lies_on_the_mask():
    masks = torch.stack([box(0, 0, 2, 2)] * 2)
    game = pointing_game(torch.stack([peak(1, 1), peak(3, 3)]), masks)
    assert game.hits.tolist() == [1, 0] and game.rate == 0.5 and game.excluded == 0


def test_one_map_may_come_without_its_axis():
    assert pointing_game(peak(0, 0), box(0, 0, 1, 1)).rate == 1
    assert relevance_mass(peak(0, 0), box(0, 0, 1, 1)).mean_share == 1


def test_ties_count_by_their_share():
    tied = peak(0, 0) + peak(0, 3) + peak(3, 0) + peak(3, 3)
    assert pointing_game(tied, box(0, 0, 1, 4)).rate == 0.5
    assert (
        pointing_game(tied, box(1, 1, 3, 3)).rate == 0
    )  # their centre of mass lies there, but the map says nothing of it


def test_a_constant_map_reaches_exactly_chance():
    masks = torch.stack([box(0, 0, 2, 2), box(0, 0, 4, 2), box(1, 1, 2, 2)])
    game = pointing_game(torch.full((3, 4, 4), 7.0), masks)
    assert game.rate == pytest.approx(game.random_rate) == pytest.approx((1 / 4 + 1 / 2 + 1 / 16) / 3)


def test_the_middle_of_the_picture_is_the_other_baseline():
    assert pointing_game(peak(0, 0), box(1, 1, 3, 3)).centre_rate == 1
    assert (
        pointing_game(peak(0, 0), box(0, 0, 2, 4)).centre_rate == 0.5
    )  # the middle of four pixels lies between them
    odd = torch.zeros(5, 5, dtype=torch.bool)
    odd[2, 2] = True
    assert pointing_game(peak(0, 0, 5), odd).centre_rate == 1
    odd[2, 2] = False
    odd[2, 3] = True
    assert pointing_game(peak(0, 0, 5), odd).centre_rate == 0


def test_pictures_without_the_object_are_counted_apart():
    masks = torch.stack([box(0, 0, 1, 1), box(0, 0, 0, 0)])
    game = pointing_game(torch.stack([peak(0, 0), peak(0, 0)]), masks)
    assert game.rate == 1 and game.excluded == 1 and game.random_rate == 1 / 16
    assert game.hits[0] == 1 and math.isnan(game.hits[1])
    mass = relevance_mass(torch.stack([peak(0, 0), peak(0, 0)]), masks)
    assert mass.mean_share == 1 and mass.excluded == 1 and math.isnan(mass.share[1])


def test_negative_maps_point_at_their_largest_value():
    assert pointing_game(peak(2, 2) - 5, box(2, 2, 3, 3)).rate == 1


def test_pixels_without_a_number_are_never_the_maximum():
    relevance = peak(2, 2) - 5
    relevance[0] = torch.nan
    assert pointing_game(relevance, box(2, 2, 3, 3)).rate == 1
    assert pointing_game(relevance, box(0, 0, 1, 4)).rate == 0


def test_the_interval_holds_the_rate_and_repeats_with_its_seed():
    maps = torch.stack([peak(0, 0)] * 30 + [peak(3, 3)] * 10)
    masks = torch.stack([box(0, 0, 1, 1)] * 40)
    game, again = pointing_game(maps, masks, seed=1), pointing_game(maps, masks, seed=1)
    assert game.rate == 0.75 and game.interval == again.interval
    low, high = game.interval
    spread = 1.96 * math.sqrt(0.75 * 0.25 / 40)
    assert low == pytest.approx(0.75 - spread, abs=0.03) and high == pytest.approx(0.75 + spread, abs=0.03)


def test_mass_is_the_share_of_the_positive_relevance():
    relevance = torch.tensor([[3.0, 1.0], [-8.0, 4.0]])
    mass = relevance_mass(relevance, torch.tensor([[True, False], [True, True]]))
    assert mass.mean_share == pytest.approx(7 / 8) and mass.mean_area == 0.75


def test_a_constant_map_has_the_mass_of_the_area():
    mass = relevance_mass(torch.full((2, 4, 4), 0.3), torch.stack([box(0, 0, 3, 3), box(0, 0, 1, 1)]))
    assert torch.allclose(mass.share, mass.area)


def test_maps_without_positive_relevance_are_counted_apart():
    masks = torch.stack([box(0, 0, 1, 1)] * 3)
    nothing = torch.zeros(4, 4)
    mass = relevance_mass(torch.stack([peak(0, 0), nothing, nothing - 1]), masks)
    assert mass.excluded == 2 and mass.mean_share == 1 and mass.mean_area == 1 / 16
    with pytest.raises(ValueError, match="no map has positive relevance"):
        relevance_mass(nothing, masks[0])


def test_neither_score_changes_its_arguments():
    relevance, mask = peak(0, 0) - 1, box(0, 0, 1, 1)
    kept = relevance.clone()
    pointing_game(relevance, mask)
    relevance_mass(relevance + 1, mask)
    assert torch.equal(relevance, kept)


@pytest.mark.parametrize("score", [pointing_game, relevance_mass])
@pytest.mark.parametrize(
    ("relevance", "masks", "error", "message"),
    [
        (torch.zeros(2, 4, 4), torch.zeros(4, 4, dtype=torch.bool), ValueError, "same axes"),
        (torch.zeros(4), torch.zeros(4, dtype=torch.bool), ValueError, "same axes"),
        (torch.zeros(4, 4), torch.zeros(4, 4, dtype=torch.uint8), TypeError, "must be bool"),
        (torch.zeros(4, 4), torch.zeros(4, 4, dtype=torch.bool), ValueError, "all masks are empty"),
        (torch.full((4, 4), torch.nan), torch.ones(4, 4, dtype=torch.bool), ValueError, "no number"),
        ([[1.0]], torch.ones(1, 1, dtype=torch.bool), TypeError, "must be tensors"),
    ],
)
def test_wrong_arguments_are_refused(score, relevance, masks, error, message):
    with pytest.raises(error, match=message):
        score(relevance, masks)
