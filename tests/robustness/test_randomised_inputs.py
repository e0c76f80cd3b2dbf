"""Scrambled pictures keep what they promise to keep, and nothing else."""

from __future__ import annotations

import pytest
import torch

from cnnlab.robustness import gaussian_pixels, random_pixels, shuffled_pixels


@pytest.fixture
def pictures():
    return torch.rand(5, 3, 9, 7, generator=torch.Generator().manual_seed(0)).double()


def pixels(image):
    """The pixels of a picture as a sorted list of colours."""
    return sorted(map(tuple, image.flatten(1).T.tolist()))


@pytest.mark.parametrize("scramble", [shuffled_pixels, random_pixels])
def test_every_pixel_is_still_there_with_its_three_colours(pictures, scramble):
    done = scramble(pictures)
    assert done.shape == pictures.shape and done.dtype == pictures.dtype
    assert not torch.equal(done, pictures)
    for before, after in zip(pictures, done, strict=True):
        assert pixels(before) == pixels(after)


def test_shuffled_pixels_go_the_same_way_in_each_picture_and_random_ones_do_not(pictures):
    same = pictures[:1].expand(4, -1, -1, -1)
    shuffled, random = shuffled_pixels(same, seed=3), random_pixels(same, seed=3)
    assert all(torch.equal(single, shuffled[0]) for single in shuffled)
    assert not any(torch.equal(single, random[0]) for single in random[1:])
    assert torch.equal(shuffled_pixels(pictures[2], seed=3), shuffled_pixels(pictures, seed=3)[2])


def test_gaussian_pixels_have_the_mean_and_deviation_of_each_colour():
    generator = torch.Generator().manual_seed(1)
    level = torch.tensor([0.3, 0.5, 0.6])[None, :, None, None]
    pictures = level + 0.1 * torch.randn(20, 3, 32, 32, generator=generator)
    noise = gaussian_pixels(pictures.clamp(0, 1))
    assert noise.min() >= 0 and noise.max() <= 1
    assert torch.allclose(noise.mean((0, 2, 3)), level.flatten(), atol=0.01)
    assert torch.allclose(noise.std((0, 2, 3)), torch.full((3,), 0.1), atol=0.005)
    flat = noise.flatten(1) - noise.flatten(1).mean(1, keepdim=True)
    likeness = torch.corrcoef(flat - flat.mean(0))
    assert likeness.fill_diagonal_(0).abs().max() < 0.2, "no picture is like another"


@pytest.mark.parametrize("scramble", [shuffled_pixels, random_pixels, gaussian_pixels])
def test_the_seed_decides_and_pictures_are_left_alone(pictures, scramble):
    kept = pictures.clone()
    assert torch.equal(scramble(pictures, seed=1), scramble(pictures, seed=1))
    assert not torch.equal(scramble(pictures, seed=1), scramble(pictures, seed=2))
    assert torch.equal(pictures, kept)
    assert scramble(pictures[0]).shape == pictures[0].shape
    with pytest.raises(ValueError, match="seed"):
        scramble(pictures, seed=-1)
