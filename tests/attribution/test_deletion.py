"""Deletion and insertion curves: by their definition, in closed form, and in the order that a map says."""

from __future__ import annotations

import oracles
import pytest
import torch
from torch import Tensor, nn

from cnnlab.attribution import deletion_insertion, fill_image, saliency


class Sum(nn.Module):
    """Class 0 has the probability w . x; nothing is between pixel and answer."""

    def __init__(self, weight: Tensor):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, images: Tensor) -> Tensor:
        p = (images.mean(1) * self.weight).sum((1, 2))
        return torch.stack([p.log(), (1 - p).log()], 1)


def test_curves_are_what_their_definition_says(residual, pictures):
    model, picture = residual().double(), pictures[0].double()
    relevance = torch.rand(24, 24, generator=torch.Generator().manual_seed(9))

    def probability(changed: Tensor) -> float:
        return float(model(changed[None]).detach().softmax(1)[0, 3])

    fills = fill_image(picture, "tomato"), fill_image(picture, "blur")
    order = sorted(range(576), key=lambda number: -float(relevance.flatten()[number]))
    expected = oracles.deletion_and_insertion(probability, picture, order, *fills, steps=8)
    result = deletion_insertion(model, picture, relevance, 3, steps=8, deletion_fill="tomato", batch_size=4)
    assert result.deletion.tolist() == pytest.approx(expected[0], abs=1e-12)
    assert result.insertion.tolist() == pytest.approx(expected[1], abs=1e-12)
    assert result.share.tolist() == [k / 8 for k in range(9)]
    pairs = zip(expected[0][:-1], expected[0][1:], strict=True)
    assert float(result.deletion_area) == pytest.approx(sum((a + b) / 2 / 8 for a, b in pairs))


def test_the_ends_are_the_whole_picture_and_nothing_of_it(residual, pictures):
    model = residual()
    result = deletion_insertion(model, pictures, torch.rand(3, 24, 24), [0, 1, 2], steps=5)
    whole = model(pictures).softmax(1)[range(3), range(3)]
    grey = model(torch.full_like(pictures, 0.5)).softmax(1)[range(3), range(3)]
    blurred = model(torch.stack([fill_image(single, "blur") for single in pictures])).softmax(1)[
        range(3), range(3)
    ]
    for ends, first, last in ((result.deletion, whole, grey), (result.insertion, blurred, whole)):
        assert torch.allclose(ends[:, 0], first, atol=1e-6) and torch.allclose(ends[:, -1], last, atol=1e-6)


def test_the_true_order_is_the_best_and_its_reverse_the_worst():
    """In closed form: where pixels add up, deleting the heaviest first is the fastest way down."""
    weight = torch.rand(6, 6, generator=torch.Generator().manual_seed(2))
    model, image = Sum(weight / weight.sum() * 0.9), torch.ones(3, 6, 6)
    options = {"target": 0, "steps": 36, "deletion_fill": "black", "insertion_start": "black"}
    best, worst = (deletion_insertion(model, image, way * weight, **options) for way in (1, -1))
    heaviest = weight.flatten().sort(descending=True).values.cumsum(0) / weight.sum() * 0.9
    assert torch.allclose(best.deletion[1:], 0.9 - heaviest, atol=1e-5)
    assert torch.allclose(best.insertion[1:], heaviest, atol=1e-5)
    for seed in range(5):
        generator = torch.rand(6, 6, generator=torch.Generator().manual_seed(10 + seed))
        other = deletion_insertion(model, image, generator, **options)
        assert best.deletion_area < other.deletion_area < worst.deletion_area
        assert best.insertion_area > other.insertion_area > worst.insertion_area


def test_equal_pixels_go_in_random_order_not_from_the_top():
    model, image = Sum(torch.zeros(10, 10).index_fill(0, torch.arange(5), 0.018)), torch.ones(3, 10, 10)
    options = {"target": 0, "steps": 10, "deletion_fill": "black"}
    result = deletion_insertion(model, image, torch.zeros(10, 10), **options)
    assert 0.3 < result.deletion[5] < 0.6  # from the top down it would be 0
    again, other = (
        deletion_insertion(model, image, torch.zeros(10, 10), **options, seed=seed) for seed in (0, 1)
    )
    assert torch.equal(result.deletion, again.deletion) and not torch.equal(result.deletion, other.deletion)


def test_what_was_not_measured_goes_last():
    model = Sum(torch.full((4, 4), 0.05))
    relevance = torch.full((4, 4), torch.nan)
    relevance[0] = -1
    heavy = torch.ones(3, 4, 4)
    heavy[:, 1:] = 0.01
    result = deletion_insertion(model, heavy, relevance, 0, steps=4, deletion_fill="black")
    assert float(result.deletion[1]) == pytest.approx(0.05 * 12 * 0.01, abs=1e-6)


def test_the_tag_in_the_corner_is_deleted_first(tag_in_the_corner, tagged):
    relevance = saliency(tag_in_the_corner, tagged, 0)
    result = deletion_insertion(tag_in_the_corner, tagged, relevance, 0, steps=16)
    whole = float(tag_in_the_corner(tagged[None]).detach().softmax(1)[0, 0])
    assert result.deletion[0] == pytest.approx(whole) and whole > 0.7
    # One step is the tag: 16 of 256 pixels.
    assert result.deletion[1] < 0.2 and result.insertion[1] > whole - 0.05


def test_a_batch_is_its_pictures_one_by_one(residual, pictures):
    model, relevance = residual(), torch.rand(3, 24, 24)
    together = deletion_insertion(model, pictures, relevance, steps=4, batch_size=7)
    assert together.deletion.shape == (3, 5) and together.insertion_area.shape == (3,)
    for number in range(3):
        alone = deletion_insertion(model, pictures[number], relevance[number], steps=4)
        assert torch.allclose(alone.deletion, together.deletion[number], atol=1e-6)
        assert torch.allclose(alone.insertion, together.insertion[number], atol=1e-6)


def test_impossible_questions_are_refused(residual, pictures):
    model = residual()
    with pytest.raises(ValueError, match="channel_max gives one number for each pixel"):
        deletion_insertion(model, pictures, torch.rand(3, 3, 24, 24))
    with pytest.raises(ValueError, match="axes of the pictures without their channels"):
        deletion_insertion(model, pictures[0], torch.rand(1, 24, 24))
    with pytest.raises(ValueError, match="steps must be"):
        deletion_insertion(model, pictures, torch.rand(3, 24, 24), steps=0)
    with pytest.raises(ValueError, match="fill 'blakc' is not known"):
        deletion_insertion(model, pictures, torch.rand(3, 24, 24), deletion_fill="blakc")
