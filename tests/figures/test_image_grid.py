"""Images and captions of a grid stand where they belong, in reading order, apart, and large enough to read."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from cnnlab.figures import contact_sheet, grid, side_by_side_figure
from cnnlab.figures.alt_figure import drawn
from cnnlab.world import render


def frames(figure) -> tuple[list, list]:
    """Where images and captions are drawn, in points of the screen."""
    FigureCanvasAgg(figure).draw()
    renderer = figure.canvas.get_renderer()
    images = [axis.get_window_extent(renderer) for axis in figure.axes]
    return images, [axis.xaxis.label.get_window_extent(renderer) for axis in figure.axes]


def test_a_grid_shows_each_image_with_its_caption_in_reading_order():
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    figure = grid(images, captions="abcde", columns=3)
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_xlabel() for axis in shown] == list("abcde")
    for axis, image in zip(shown, images, strict=True):
        assert np.allclose(axis.images[0].get_array(), image.permute(1, 2, 0))
    assert figure.alt_text == "5 pictures: a; b; c; d; e."


def test_images_stand_in_rows_and_do_not_overlap():
    figure = grid([torch.rand(3, 8, 8)] * 7, columns=3, width=9)
    images, _ = frames(figure)
    assert len(images) == 7
    assert np.allclose([f.x0 for f in images[::3]], images[0].x0) and np.allclose(
        [f.y0 for f in images[:3]], images[0].y0
    )
    assert not any(a.overlaps(b) for i, a in enumerate(images) for b in images[:i])
    assert images[0].y0 > images[3].y1 and images[3].y0 > images[6].y1 >= images[6].y0 >= 0
    assert max(frame.x1 for frame in images) <= 900


def test_captions_stand_below_their_image_and_within_the_figure():
    captions = ["a sheep on a meadow that is very green and very wide", "goat", "two\nlines", "x"]
    figure = grid([torch.rand(3, 8, 8)] * 4, captions, columns=3, width=6)
    images, texts = frames(figure)
    written = [" ".join(axis.get_xlabel().split()) for axis in figure.axes]
    assert written == [" ".join(caption.split()) for caption in captions]
    for image, text in zip(images, texts, strict=True):
        assert image.y0 >= text.y1 > text.y0 >= 0 and text.width < image.width + 8
        assert abs((text.x0 + text.x1) - (image.x0 + image.x1)) < 4
    assert not any(a.overlaps(b) for a in texts for b in images)


def test_captions_are_large_enough_to_read():
    figure = grid([torch.rand(3, 8, 8)] * 20, ["rhinoceros"] * 20, columns=20)
    assert min(axis.xaxis.label.get_size() for axis in figure.axes) >= 8


def test_images_of_other_shapes_keep_their_proportions():
    images, _ = frames(grid([torch.rand(3, 10, 20), torch.rand(3, 20, 10)], columns=2))
    assert np.allclose([frame.width / frame.height for frame in images], [2, 0.5])


def test_a_row_of_pictures_is_described_by_its_captions():
    assert grid([torch.rand(3, 8, 8)]).alt_text == "1 picture."
    sheet = contact_sheet([render(1, shape="goat", scene="rocks"), render(2, shape="cup", scene="room")])
    assert sheet.alt_text == "2 pictures: goat rocks; cup room."


@pytest.mark.parametrize(("images", "captions"), [([], None), ([torch.zeros(3, 4, 4)], ["a", "b"])])
def test_a_grid_needs_images_and_as_many_captions(images, captions):
    with pytest.raises(ValueError, match="as many captions"):
        grid(images, captions)


def test_columns_must_be_at_least_one():
    with pytest.raises(ValueError, match="columns"):
        grid([torch.rand(3, 8, 8)], columns=0)


def test_methods_stand_in_rows_under_the_names_of_their_columns():
    noise = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    figure = side_by_side_figure(
        {"theirs": noise[:3], "ours": noise[3:]},
        ["zebra", "tabby", "style"],
        {"ours": ["12 s", "", "a long caption"]},
    )
    images, texts = frames(figure)
    assert [axis.get_title() for axis in figure.axes] == ["zebra", "tabby", "style", "", "", ""]
    assert [axis.get_ylabel() for axis in figure.axes] == ["theirs", "", "", "ours", "", ""]
    for axis, image in zip(figure.axes, noise, strict=True):
        assert np.allclose(axis.images[0].get_array(), image.permute(1, 2, 0))
    assert np.allclose([frame.x0 for frame in images[:3]], [frame.x0 for frame in images[3:]])
    assert images[0].y0 > images[3].y1 and min(text.y0 for text in texts) >= 0
    renderer = figure.canvas.get_renderer()
    inside = figure.bbox
    for text in [axis.title for axis in figure.axes[:3]] + [axis.yaxis.label for axis in figure.axes[::3]]:
        extent = text.get_window_extent(renderer)
        assert inside.x0 <= extent.x0 and extent.y1 <= inside.y1
    assert figure.alt_text == "zebra, tabby, style, by theirs and ours. ours: 12 s, a long caption."


@pytest.mark.parametrize(
    ("rows", "columns", "captions", "message"),
    [
        ({}, ["a"], None, "at least one row"),
        ({"ours": [torch.zeros(3, 4, 4)]}, ["a", "b"], None, "2 columns, but the row 'ours' has 1"),
        ({"ours": [torch.zeros(3, 4, 4)]}, ["a"], {"ours": ["x", "y"]}, "has 2 entries"),
        ({"ours": [torch.zeros(3, 4, 4)]}, ["a"], {"theirs": ["x"]}, "captions came for .'theirs'."),
    ],
)
def test_rows_and_columns_must_fit(rows, columns, captions, message):
    with pytest.raises(ValueError, match=message):
        side_by_side_figure(rows, columns, captions)


def test_a_large_grid_is_stored_as_jpeg_and_a_small_one_as_png():
    noise = 0.5 + 0.1 * torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(0)).clamp(-5, 5)
    for images, kind, start in ((noise, "image/jpeg", "JPEG"), (noise[:, :, :1, :1], "image/png", "PNG")):
        figure = grid(images, "abcd", columns=4)
        data, metadata = figure._repr_mimebundle_()
        picture = Image.open(BytesIO(base64.b64decode(data[kind])))
        assert picture.format == start and set(data) == {"text/html", kind, "text/plain"}
        assert f'src="data:{kind};base64,{data[kind]}"' in data["text/html"]
        assert metadata == {kind: {"alt": figure.alt_text}}
        exact = Image.open(drawn(figure)).convert("RGB")
        assert picture.size == exact.size
        difference = np.asarray(picture.convert("RGB"), float) - np.asarray(exact, float)
        assert np.sqrt((difference**2).mean()) < 16
