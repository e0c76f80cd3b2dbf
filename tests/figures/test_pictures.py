"""Grids show the pictures that they are given, in order, with their captions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnlab.figures import contact_sheet, grid
from cnnlab.world import render


def test_a_grid_shows_each_image_with_its_caption_in_reading_order():
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    figure = grid(images, captions="abcde", columns=3)
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_xlabel() for axis in shown] == list("abcde")
    for axis, image in zip(shown, images, strict=True):
        assert np.allclose(axis.images[0].get_array(), image.permute(1, 2, 0))
    assert figure.words == "5 pictures: a; b; c; d; e."


def test_a_contact_sheet_names_class_and_scene():
    figure = contact_sheet([render(1, shape="cup", scene="room"), render(2, shape="car", scene="snow")])
    assert [axis.get_xlabel() for axis in figure.axes] == ["cup\nroom", "car\nsnow"]


@pytest.mark.parametrize(("images", "captions"), [([], None), ([torch.zeros(3, 4, 4)], ["a", "b"])])
def test_a_grid_needs_images_and_as_many_captions(images, captions):
    with pytest.raises(ValueError, match="as many captions"):
        grid(images, captions)
