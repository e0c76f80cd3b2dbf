"""Tiles repeat without a seam and fill their range."""

from __future__ import annotations

import numpy as np
import pytest

from cnnlab.world.names import TEXTURES
from cnnlab.world.textures import SIDE, tile


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_tile_has_no_seam(texture):
    grey = tile(texture).astype(float)
    for axis in (0, 1):
        steps = np.abs(np.diff(grey, axis=axis))
        seam = np.abs(np.take(grey, 0, axis) - np.take(grey, -1, axis)).mean()
        # The step across the border is like the steps inside: no larger than about the largest of them.
        assert seam <= steps.mean(axis=1 - axis).max() * 1.1 + 1


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_tile_uses_the_range_of_grey(texture):
    grey = tile(texture)
    assert grey.shape == (SIDE, SIDE) and grey.dtype == np.uint8
    assert np.quantile(grey, 0.98) - np.quantile(grey, 0.02) > 100


def test_tiles_differ_from_each_other():
    assert len({tile(texture).tobytes() for texture in TEXTURES}) == len(TEXTURES)


def test_a_tile_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        tile("plain")[0, 0] = 1
