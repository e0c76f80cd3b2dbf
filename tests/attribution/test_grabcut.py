"""Segments from saliency, and their overlap with the truth."""

from __future__ import annotations

import pytest
import torch

from cnnlab.attribution import grabcut, intersection_over_union
from cnnlab.world import render


def disc(side: int = 64, radius: float = 18, row: float = 30, column: float = 34) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return (rows - row) ** 2 + (columns - column) ** 2 < radius**2


@pytest.fixture
def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A noisy blue disc on noisy green, the disc, and a saliency that dots its middle and fades away from it."""
    generator, mask = torch.Generator().manual_seed(0), disc()
    colours = torch.tensor([[0.2, 0.6, 0.2], [0.2, 0.3, 0.8]])
    image = colours[mask.long()].permute(2, 0, 1) + 0.05 * torch.randn(3, 64, 64, generator=generator)
    dots = disc(radius=9) & (torch.rand(64, 64, generator=generator) < 0.3)
    far = (torch.arange(64).view(-1, 1) - 30) ** 2 + (torch.arange(64) - 34) ** 2
    saliency = torch.rand(64, 64, generator=generator) * dots + 0.1 * torch.exp(-far / 500)
    return image.clamp(0, 1), mask, saliency


def test_dots_on_the_object_become_its_outline(scene):
    image, mask, saliency = scene
    thresholded = intersection_over_union(saliency > saliency.quantile(0.95), mask)
    for blur in (0, 3.0):
        result = grabcut(image, saliency, blur=blur)
        assert result.dtype == torch.bool and result.shape == (64, 64)
        assert intersection_over_union(result, mask) > 0.97 > 0.5 > thresholded


def test_what_the_seeds_say_stays(scene):
    """The most and the least salient pixels are the object and not the object, whatever their colour."""
    image, _, saliency = scene
    result = grabcut(image, saliency, blur=0, largest=False, foreground=0.9, background=0.5)
    assert (
        result[saliency >= saliency.quantile(0.9)].all()
        and not result[saliency <= saliency.quantile(0.5)].any()
    )


def test_only_the_largest_piece_is_kept(scene):
    image, mask, saliency = scene
    second = disc(radius=5, row=58, column=6)
    image = torch.where(second, image[:, 30:31, 34:35], image)
    saliency = saliency + second * 1.0
    both, single = (grabcut(image, saliency, blur=0, largest=largest) for largest in (False, True))
    assert both[second].float().mean() > 0.9 and not single[second].any()
    assert intersection_over_union(single, mask) > 0.9


def test_a_map_that_says_nothing_gives_no_segment(scene):
    image, _, _ = scene
    assert not grabcut(image, torch.zeros(64, 64)).any()
    assert not grabcut(image, torch.full((64, 64), 3.0), blur=0).any()


def test_where_a_map_is_zero_is_background_if_most_of_it_is(scene):
    """Grad-CAM maps are zero over most of the picture: the quantiles may coincide, and the segment stays where they are not."""
    image, mask, _ = scene
    for radius in (3, 12):
        seen = disc(radius=radius)
        result = grabcut(image, seen * 1.0, blur=0)
        assert result.any() and not result[~seen].any()


def test_batches_and_seeds_and_arguments_left_alone(scene):
    image, _, saliency = scene
    flipped = image.flip(2), saliency.flip(1)
    images, maps = torch.stack([image, flipped[0]]), torch.stack([saliency, flipped[1]])
    before = images.clone(), maps.clone()
    together = grabcut(images, maps, seed=4)
    assert torch.equal(together[0], grabcut(image, saliency, seed=4))
    assert torch.equal(together[1], grabcut(*flipped, seed=4))
    assert torch.equal(images, before[0]) and torch.equal(maps, before[1])


def test_a_vague_map_of_a_rendered_object_becomes_sharper():
    """Of the truth nothing is left but a blot; the colours of the picture give a part of the outline back."""
    result, blots = [], []
    for seed in range(12):
        picture = render(seed)
        mask = picture.mask()
        blot = torch.nn.functional.avg_pool2d(mask[None, None].float(), 31, 1, 15)[0, 0]
        level = blot.quantile(
            1 - float(mask.float().mean())
        )  # as large as the object, which is the best for a threshold
        blots.append(intersection_over_union(blot > level, mask))
        result.append(intersection_over_union(grabcut(picture.image, blot), mask))
    assert torch.stack(result).mean() > torch.stack(blots).mean() + 0.04


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"foreground": 1.2}, "foreground must lie between 0 and 1"),
        ({"foreground": 0.2, "background": 0.5}, "must not exceed"),
        ({"blur": -1}, "blur must be 0 or more"),
        ({"iterations": -1}, "iterations must be"),
        ({"saliency": torch.zeros(3, 64, 64)}, "axes of the picture without its channels"),
        ({"saliency": torch.full((64, 64), torch.nan)}, "must be finite"),
    ],
)
def test_impossible_questions_are_refused(scene, options, message):
    image, _, saliency = scene
    with pytest.raises(ValueError, match=message):
        grabcut(image, **({"saliency": saliency} | options))


def test_intersection_over_union_counts_pixels():
    result, truth = torch.rand(2, 5, 7, 9, generator=torch.Generator().manual_seed(1)) < 0.4
    expected = [
        len(a & b) / len(a | b)
        for a, b in (
            (set(map(tuple, single.nonzero().tolist())) for single in pair)
            for pair in zip(result, truth, strict=True)
        )
    ]
    assert intersection_over_union(result, truth).tolist() == pytest.approx(expected)
    assert intersection_over_union(result[0], truth[0]).item() == pytest.approx(expected[0])
    assert intersection_over_union(result, result).tolist() == [1] * 5
    assert intersection_over_union(result, ~result).tolist() == [0] * 5
    assert intersection_over_union(result[0] & False, result[0] & False).isnan()


def test_intersection_over_union_wants_masks():
    mask = disc()
    with pytest.raises(TypeError, match="must be bool"):
        intersection_over_union(mask.float(), mask)
    with pytest.raises(ValueError, match="same axes"):
        intersection_over_union(mask, mask[:4])
