"""Grids hold the images that they were given, with their captions below, where they belong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnlab.figures import contact_sheet, grid
from cnnlab.world import render


def places(figure) -> np.ndarray:
    """N x 4: left, right, bottom and top of each image, in inches from the figure's top left corner."""
    return np.array([image.get_extent() for image in figure.axes[0].images])


def test_a_grid_shows_each_image_to_the_pixel():
    images = [torch.rand(3, 12, 12) for _ in range(7)]
    figure = grid(images, columns=3)
    shown = figure.axes[0].images
    assert len(shown) == 7
    for image, drawn in zip(images, shown, strict=True):
        assert np.array_equal(drawn.get_array(), image.permute(1, 2, 0))


def test_images_stand_in_rows_and_do_not_overlap():
    figure = grid([torch.rand(3, 8, 8)] * 7, columns=3, width=9)
    left, right, bottom, top = places(figure).T
    assert np.allclose(left[[0, 3, 6]], left[0]) and np.allclose(top[:3], top[0])
    assert (right[:2] < left[1:3]).all() and (bottom[0] < top[3]) and (bottom[3] < top[6])
    assert right.max() <= 9 and bottom.max() <= figure.get_figheight()


def test_captions_stand_below_their_image_and_within_the_figure():
    captions = ["a sheep on a meadow that is very green and very wide", "goat", "two\nlines", "x"]
    figure = grid([torch.rand(3, 8, 8)] * 4, captions, columns=3, width=6)
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    texts = figure.axes[0].texts
    assert [" ".join(text.get_text().split()) for text in texts] == [" ".join(c.split()) for c in captions]
    frames = [text.get_window_extent(renderer) for text in texts]
    images = [image.get_window_extent(renderer) for image in figure.axes[0].images]
    for frame, image in zip(frames, images, strict=True):
        assert image.y0 >= frame.y1 > 0 and frame.width < image.width + 8
        assert abs((frame.x0 + frame.x1) - (image.x0 + image.x1)) < 4
    assert not any(a.overlaps(b) for a in frames for b in images)


def test_captions_are_large_enough_to_read():
    figure = grid([torch.rand(3, 8, 8)] * 20, ["rhinoceros"] * 20, columns=20)
    assert min(text.get_size() for text in figure.axes[0].texts) >= 8


def test_images_of_other_shapes_keep_their_proportions():
    left, right, bottom, top = places(grid([torch.rand(3, 10, 20), torch.rand(3, 20, 10)], columns=2)).T
    assert np.allclose((right - left) / (bottom - top), [2, 0.5])


def test_a_contact_sheet_names_class_and_scene():
    pictures = [render(1, shape="goat", scene="rocks"), render(2, shape="cup", scene="room")]
    figure = contact_sheet(pictures, columns=2)
    assert [text.get_text() for text in figure.axes[0].texts] == ["goat\nrocks", "cup\nroom"]
    assert figure.words == "2 pictures: goat rocks; cup room."
    assert np.array_equal(figure.axes[0].images[1].get_array(), pictures[1].image.permute(1, 2, 0))


def test_the_words_of_a_grid_count_its_pictures():
    assert grid([torch.rand(3, 8, 8)]).words == "1 picture."
    assert grid([torch.rand(3, 8, 8)] * 2, ["a", "b"]).words == "2 pictures: a; b."


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="0 images"):
        grid([])
    with pytest.raises(ValueError, match="2 images and 1 captions"):
        grid([torch.rand(3, 8, 8)] * 2, ["one"])
    with pytest.raises(ValueError, match="columns"):
        grid([torch.rand(3, 8, 8)], columns=0)
