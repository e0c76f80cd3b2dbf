"""FunnyBirds' protocols and BAM's scores on numbers and networks whose score is known."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from cnnlab.attribution import (
    background_independence,
    deletion_check,
    distractibility,
    important_parts,
    input_dependence,
    input_independence,
    model_contrast,
    preservation_check,
    single_deletion,
    target_sensitivity,
)
from cnnlab.world import parts_of, render, sample


def test_single_deletion_is_the_rank_correlation():
    torch.manual_seed(0)
    claims, falls = [torch.rand(n) for n in (4, 7)], [torch.rand(n) for n in (4, 7)]
    found = single_deletion(claims, falls)
    for score, claim, fall in zip(found, claims, falls, strict=True):
        assert score == pytest.approx((1 + spearmanr(claim, fall).statistic) / 2)
    assert single_deletion([falls[0], -falls[0]], [falls[0]] * 2).tolist() == pytest.approx([1, 0])
    assert single_deletion([torch.ones(4)], falls[:1]).isnan().all(), "a constant claim ranks nothing"


class NeedsThePixel(nn.Module):
    """Class 1 if a pixel is as in the whole picture, else class 0."""

    def __init__(self, image, y, x):
        super().__init__()
        self.value, self.y, self.x = image[:, y, x], y, x

    def forward(self, images):
        same = (images[:, :, self.y, self.x] - self.value).abs().amax(1) < 1e-3
        return torch.stack([~same, same], 1).float()


@pytest.fixture(scope="module")
def cup():
    return sample(7, shape="cup", clutter=0, cover=0.0, scale=0.3)


@pytest.fixture(scope="module")
def needs_handle(cup):
    truth = render(cup)
    y, x = torch.nonzero(truth.mask("part", "handle"))[20].tolist()
    return NeedsThePixel(truth.image, y, x)


def test_preservation_and_deletion_try_the_important_parts(cup, needs_handle):
    claimed = [("handle",), ("body", "rim"), (), parts_of("cup")]
    recipes = [cup] * 4
    assert preservation_check(needs_handle, recipes, claimed, size=96).tolist() == [1, 0, 0, 1]
    assert deletion_check(needs_handle, recipes, claimed, size=96).tolist() == [1, 0, 0, 1]


def test_a_part_that_the_object_does_not_have_is_refused_by_both_checks(cup, needs_handle):
    for check in (preservation_check, deletion_check):
        with pytest.raises(ValueError, match="'horn' is not known. Choose one of: saucer"):
            check(needs_handle, [cup], [("horn",)], size=96)
        assert check(needs_handle, [cup], ["handle"], size=96).tolist() == [1]  # a single name
        assert check(needs_handle, [], []).shape == (0,)


def test_what_is_not_known_is_not_counted_as_a_success_or_a_failure():
    nan, one = torch.tensor([torch.nan]), torch.tensor([1.0])
    pair = torch.tensor([[[torch.nan, 1.0], [2.0, 3.0]]])
    assert target_sensitivity(pair)[0, 0].isnan() and target_sensitivity(pair)[0, 1] == 1
    assert background_independence(torch.tensor([[torch.nan, 0.0]]), torch.tensor([9.0])).isnan()
    assert input_dependence(nan, one).isnan() and input_independence(one, nan).isnan()
    parts, falls = ("body", "rim"), torch.tensor([0.0, torch.nan])
    assert distractibility([("body",)] * 2, [parts] * 2, [falls, falls.nan_to_num()], [5.0, 5.0]).isnan()[0]
    assert distractibility([("body",)], [parts], [falls.nan_to_num()], [torch.nan]).isnan()
    with pytest.raises(ValueError, match=r"its claim must be known, but they came as \[0.0, nan\]"):
        important_parts(falls, parts, 5.0)
    claims = torch.tensor([3.0, torch.nan, 1.0, 2.0])
    assert single_deletion([claims], [torch.arange(4.0)]).isnan() and not len(single_deletion([], []))


def test_numbers_that_do_not_belong_together_are_refused():
    three, one = torch.rand(3), torch.rand(1)
    for score in (model_contrast, input_dependence, input_independence):
        with pytest.raises(ValueError, match="as many numbers on both sides"):
            score(three, one)
    with pytest.raises(ValueError, match="as many numbers on both sides"):
        single_deletion([three], [torch.rand(4)])
    for call in (
        lambda: single_deletion([three], []),
        lambda: important_parts(three, ("body",), 2.0),
        lambda: distractibility([("body",)], [("body",)], [one], []),
        lambda: distractibility([("body",)], [("body", "rim")], [one], [2.0]),
        lambda: preservation_check(nn.Identity(), [], [("body",)]),
    ):
        with pytest.raises(ValueError, match="as many entries on all sides"):
            call()
    with pytest.raises(ValueError, match="'rmi' is not known. Did you mean \"rim\""):
        distractibility([("rmi",)], [("body", "rim")], [torch.rand(2)], [2.0])
    for falls, logits in ((torch.rand(3, 2), one), (torch.rand(3, 0), three), (three, three)):
        with pytest.raises(ValueError, match="falls must be N x B and logits N"):
            background_independence(falls, logits)
    for claims in (torch.rand(3, 2), torch.rand(3, 3, 3)):
        with pytest.raises(ValueError, match="N x 2 x 2"):
            target_sensitivity(claims)
    with pytest.raises(ValueError, match="nowhere negative, but got -3"):
        important_parts(torch.tensor([0.0, -3.0]), ("body", "rim"), -3.0)


def test_important_parts_are_those_above_the_share():
    claims, parts = torch.tensor([6.0, 3.0, 1.0]), ("body", "rim", "handle")
    assert important_parts(claims, parts, 10.0, 0.2) == ("body", "rim")
    assert important_parts(claims, parts, 10.0, 0.6) == ()
    with pytest.raises(ValueError, match="threshold"):
        important_parts(claims, parts, 10.0, 2)


def test_distractibility_counts_what_does_not_matter():
    parts, falls = ("body", "rim", "handle", "clutter"), torch.tensor([4.0, 0.1, -1.0, 0.2])
    scores = distractibility(
        [("body",), ("body", "clutter"), parts, ("rim",)],
        [parts] * 3 + [("rim",)],
        [falls] * 3 + [torch.tensor([5.0])],
        [10.0, -10.0, 10.0, 10.0],
    )
    assert scores[:3].tolist() == pytest.approx([1, 2 / 3, 0])
    assert scores[3].isnan(), "everything matters"
    assert distractibility(["rim"], [parts], [falls], [10.0]) == pytest.approx(2 / 3), "a single name"


def test_target_sensitivity_asks_for_both_classes():
    follows = torch.tensor([[[5.0, 1.0], [1.0, 5.0]]])
    ignores = torch.tensor([[[5.0, 1.0], [5.0, 1.0]]])
    assert target_sensitivity(torch.cat([follows, ignores, follows.flip(1)])).tolist() == [
        [1, 1],
        [0, 0],
        [0, 0],
    ]


def test_background_independence_is_the_share_of_small_falls():
    falls = torch.tensor([[0.4, 0.6, -3.0, 0.0], [0.4, 0.6, 0.7, 0.8]])
    assert background_independence(falls, torch.tensor([10.0, -10.0])).tolist() == [0.75, 0.25]


def test_bams_scores():
    first, second = torch.tensor([0.6, 0.2, 0.4]), torch.tensor([0.1, 0.3, 0.4])
    assert float(model_contrast(first, second)) == pytest.approx(0.4 / 3)
    assert input_dependence(first, second).tolist() == [0, 1, 0]
    assert input_independence(first, first * 1.05).tolist() == [1, 1, 1]
    assert input_independence(first, first * torch.tensor([0.8, 1.0, 1.2])).tolist() == [0, 1, 0]
