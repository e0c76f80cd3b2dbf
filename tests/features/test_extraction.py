"""Vectors from layers, and pooling of maps."""

from __future__ import annotations

import math

import pytest
import torch

from cnnlab.features import extract_features, hog, pool_maps
from cnnlab.networks import activations


@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_a_code_holds_all_that_the_layer_gives(tiny, pictures, batch_size):
    maps = activations(tiny, pictures, ["conv", "fc"])
    codes = extract_features(tiny, pictures, "conv", batch_size=batch_size)
    assert codes.shape == (11, 4 * 144) and torch.allclose(codes, maps["conv"].flatten(1))
    assert torch.allclose(extract_features(tiny, pictures, "fc", batch_size=batch_size), maps["fc"])


def test_pooling_leaves_one_number_a_unit(tiny, pictures):
    maps = activations(tiny, pictures, "relu")["relu"]
    for pool, expected in {
        "mean": maps.mean((2, 3)),
        "sum": maps.sum((2, 3)),
        "max": maps.amax((2, 3)),
    }.items():
        assert torch.allclose(extract_features(tiny, pictures, "relu", pool), expected), pool
    assert torch.equal(extract_features(tiny, pictures, "fc", "sum"), extract_features(tiny, pictures, "fc"))


def test_the_centre_prior_is_a_gaussian_of_a_third_of_the_way_to_the_border():
    maps = torch.rand(2, 3, 5, 8, dtype=torch.float64)
    expected = torch.zeros(2, 3, dtype=torch.float64)
    sigma = 2.5 / 3
    for row in range(5):
        for column in range(8):
            squared = (row - 2) ** 2 + (column - 3.5) ** 2
            expected += maps[:, :, row, column] * math.exp(-squared / (2 * sigma**2))
    assert torch.allclose(pool_maps(maps, "centred"), expected)


def test_regional_pooling_sums_the_maxima_of_fourteen_squares():
    maps = torch.rand(2, 3, 6, 8, dtype=torch.float64)
    expected = torch.zeros(2, 3, dtype=torch.float64)
    for side, tops, lefts in ((6, [0], [1]), (4, [0, 2], [0, 4]), (3, [0, 2, 3], [0, 2, 5])):
        for top in tops:
            for left in lefts:
                largest = maps[:, :, top : top + side, left : left + side].amax((2, 3))
                expected += largest / largest.norm(dim=1, keepdim=True)
    assert torch.allclose(pool_maps(maps, "regional"), expected)


def test_pixels_are_a_layer_that_needs_no_network(pictures):
    assert torch.equal(extract_features(None, pictures, "pixels"), pictures.flatten(1))
    assert torch.equal(extract_features(None, pictures, "pixels", "mean"), pictures.mean((2, 3)))
    with pytest.raises(ValueError, match='without a model there is only the layer "pixels"'):
        extract_features(None, pictures, "fc")


def test_data_sets_give_what_their_pictures_give(tiny):
    class Bytes:
        images = (torch.rand(5, 3, 12, 12) * 255).byte()
        labels = torch.arange(5)

        def __len__(self):
            return 5

    class Pairs:
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return Bytes.images[index].float() / 255, index

    expected = extract_features(tiny, Bytes.images.float() / 255, "fc")
    for data in (Bytes(), Pairs()):
        assert torch.allclose(extract_features(tiny, data, "fc", batch_size=2), expected)


def test_one_picture_gives_one_vector(tiny, pictures):
    assert torch.allclose(
        extract_features(tiny, pictures[3], "fc"), extract_features(tiny, pictures, "fc")[3]
    )


def test_what_holds_no_pictures_is_refused(tiny):
    with pytest.raises(TypeError, match="a tensor N x 3 x H x W .* but got int"):
        extract_features(tiny, 7, "fc")


def test_codes_can_be_trained_on(tiny, pictures):
    codes = extract_features(tiny, pictures, "fc")
    weight = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    (codes @ weight).sum().backward()
    assert torch.allclose(weight.grad, codes.sum(0))


@pytest.mark.parametrize(
    ("pictures", "pool", "message"),
    [
        (torch.zeros(2, 3, 12, 12), "average", "pool 'average' is not known"),
        (torch.zeros(0, 3, 12, 12), None, "no pictures to look at"),
        (torch.full((1, 3, 12, 12), 9.0), None, r"must lie in \[0, 1\]"),
    ],
)
def test_bad_questions_are_refused(tiny, pictures, pool, message):
    with pytest.raises(ValueError, match=message):
        extract_features(tiny, pictures, "conv", pool)


def test_hog_sees_the_orientation_of_an_edge_and_not_its_contrast():
    stripes = (torch.arange(48) // 6 % 2).float().expand(3, 48, 48)
    upright, flat, pale = stripes, stripes.transpose(1, 2), 0.3 + 0.5 * stripes
    vectors = hog(torch.stack([upright, flat, pale]))
    # One block of 3 x 3 cells with nine orientations.
    strongest = vectors.view(3, 9, 9).sum(1).argmax(1)
    assert strongest[0] == strongest[2] != strongest[1]
    assert torch.allclose(vectors[0], vectors[2], atol=1e-3)


def test_hog_puts_an_edge_into_the_bin_of_its_direction():
    """Brightness that rises to the right has all its gradient at 0 degrees, downwards at 90: bins 0 and 4 of 9."""
    ramp = torch.linspace(0.1, 0.9, 32).expand(3, 32, 32)
    for image, strongest in ((ramp, 0), (ramp.transpose(1, 2), 4)):
        histograms = hog(image, cell=8).view(2, 2, 3, 3, 9)
        assert (histograms.argmax(-1) == strongest).all()
        assert torch.allclose(histograms[..., strongest], torch.full((2, 2, 3, 3), 1 / 3), atol=0.05)


def test_hog_does_not_see_contrast_and_has_the_length_that_it_says():
    images = 0.4 + 0.2 * torch.rand(2, 3, 48, 40, generator=torch.Generator().manual_seed(0))
    found = hog(images, cell=8)
    assert found.shape == (2, (48 // 8 - 2) * (40 // 8 - 2) * 81)
    assert torch.allclose(found, hog(0.5 * images + 0.3, cell=8), atol=1e-3)
    assert torch.allclose(found[1], hog(images[1], cell=8))
    with pytest.raises(ValueError, match="less than 3 x 3 cells"):
        hog(images, cell=14)
