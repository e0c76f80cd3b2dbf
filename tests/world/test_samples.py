"""Photographs that are always at hand."""

import pytest

from cnnlab.world import SAMPLES, sample_photo


@pytest.mark.parametrize("name", SAMPLES)
def test_photographs_are_square_and_colourful(name):
    image = sample_photo(name, size=32)
    assert image.shape == (3, 32, 32) and 0 <= image.min() < image.max() <= 1
    assert image.std() > 0.1 and (image[0] - image[2]).abs().mean() > 0.02


def test_an_unknown_one_lists_those_that_are_there():
    with pytest.raises(ValueError, match="china"):
        sample_photo("japan")
