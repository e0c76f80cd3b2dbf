"""Figures of neighbours and maps show what they are given, where it belongs, and say it in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.offsetbox import AnnotationBbox

from cnnlab.features import grid_assignment
from cnnlab.figures import (
    class_colours,
    map_figure,
    neighbours_figure,
    picture_map_figure,
    precision_figure,
)
from cnnlab.figures.colours import RIGHT, WRONG


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(9, 3, 6, 6, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def points():
    return torch.randn(9, 2, generator=torch.Generator().manual_seed(1))


def test_rows_hold_the_query_and_its_neighbours_framed_by_their_class(pictures):
    labels = [0, 1, 0, 1, 0, 1, 0, 1, 0]
    found = {"pixels": torch.tensor([[1, 2], [4, 5]]), "fc7": torch.tensor([[2, 4], [5, 7]])}
    figure = neighbours_figure(pictures, [0, 3], found, labels)
    shown = [[0, 1, 2], [0, 2, 4], [3, 4, 5], [3, 5, 7]]
    for axis, index in zip(figure.axes, sum(shown, []), strict=True):
        assert np.allclose(np.asarray(axis.images[0].get_array()), pictures[index].permute(1, 2, 0))
    frames = [to_hex(axis.spines["top"].get_edgecolor()) for axis in figure.axes]
    assert frames[:6] == ["#000000", WRONG, RIGHT, "#000000", RIGHT, RIGHT]
    broken = [axis.spines["top"].get_linestyle() != "-" for axis in figure.axes]
    assert broken == [colour == WRONG for colour in frames], "the colour is not the only sign"
    assert [axis.get_ylabel() for axis in figure.axes[::3]] == ["pixels", "fc7"] * 2


def test_rows_must_be_as_many_as_the_queries(pictures):
    with pytest.raises(ValueError, match="one row of neighbours"):
        neighbours_figure(pictures, [0, 1], {"fc7": torch.tensor([[2, 4]])}, [0] * 9)


def test_precision_has_a_line_for_each_layer_and_one_for_chance():
    figure = precision_figure({"pixels": [0.1, 0.2], "fc7": torch.tensor([0.9, 0.8])}, chance=0.05)
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == ["pixels", "fc7", "chance"]
    assert np.allclose(lines[1].get_ydata(), [0.9, 0.8]) and list(lines[1].get_xdata()) == [1, 2]
    assert figure.alt_text.endswith("fc7, pixels.")
    with pytest.raises(ValueError, match="at least one"):
        precision_figure({})


def test_a_group_that_lies_together_has_its_name_beside_it():
    noise = 0.01 * torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    points = torch.cat([noise + torch.tensor([3.0, 1.0]), 2 * torch.rand(8, 2)])
    texts = map_figure(points, [0] * 8 + [1] * 8, ("sheep", "goat")).axes[0].texts
    assert [text.get_text() for text in texts] == ["sheep"]
    assert texts[0].xy == pytest.approx((3.0, 1.0), abs=0.05)


def test_maps_side_by_side_fit_the_page_with_the_names_below_them(points):
    """A notebook shows some 830 pixels; a wider figure is shown smaller, with names that nobody reads."""
    figure = map_figure(dict.fromkeys("abcdef", points), [0, 1, 2] * 3, ("x", "y", "z"), columns=3)
    assert figure.get_figwidth() * figure.dpi <= 830
    figure.canvas.draw()
    assert figure.legends[0].get_window_extent().y1 <= min(
        axis.get_window_extent().y0 for axis in figure.axes
    )


def test_points_have_the_colour_of_their_label(points):
    labels = torch.tensor([0, 1, 2] * 3)
    figure = map_figure({"a": points, "b": -points}, labels, ("x", "y", "z"))
    for axis, places in zip(figure.axes, (points, -points), strict=False):
        for odd, drawn in enumerate(
            axis.collections
        ):  # squares for every other label: a sign beside the colour
            own = labels % 2 == odd
            assert np.allclose(drawn.get_offsets(), places[own])
            assert np.allclose(drawn.get_facecolors()[:, :3], class_colours(labels[own].numpy()))
            assert len(drawn.get_paths()[0].vertices) == 5 if odd else len(drawn.get_paths()[0].vertices) > 5
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["x", "y", "z"]


def test_pictures_stand_at_their_places_or_in_their_cells(points, pictures):
    stamps = [
        a for a in picture_map_figure(points, pictures).axes[0].artists if isinstance(a, AnnotationBbox)
    ]
    assert np.allclose([stamp.xy for stamp in stamps], points)
    sheet = np.asarray(picture_map_figure(points, pictures, grid=True).axes[0].images[0].get_array())
    for picture, (row, column) in zip(pictures, grid_assignment(points).tolist(), strict=True):
        cell = sheet[row * 7 : row * 7 + 6, column * 7 : column * 7 + 6]
        assert np.allclose(cell, picture.permute(1, 2, 0))


def test_a_sheet_holds_no_more_pixels_than_are_drawn(points):
    figure = picture_map_figure(points, torch.rand(9, 3, 600, 500), grid=True, size=3)
    high, wide = figure.axes[0].images[0].get_array().shape[:2]
    columns = int(grid_assignment(points)[:, 1].max()) + 1
    assert wide <= 1.1 * 300 and high > wide / columns


def test_a_zoom_shows_the_cells_of_its_part_only(points, pictures):
    figure = picture_map_figure(points, pictures, grid=True, zoom=(1, 0, 3, 2))
    sheet, shown = np.asarray(figure.axes[0].images[0].get_array()), 0
    for picture, (row, column) in zip(pictures, grid_assignment(points).tolist(), strict=True):
        if 1 <= row < 3 and column < 2:
            top, left, shown = 7 * (row - 1), 7 * column, shown + 1
            assert np.allclose(sheet[top : top + 6, left : left + 6], picture.permute(1, 2, 0))
    assert shown and sheet.shape[:2] == (13, 13) and figure.alt_text.startswith(f"{shown} of 9 pictures")
    with pytest.raises(ValueError, match="no picture"):
        picture_map_figure(points, pictures, grid=True, zoom=(5, 5, 9, 9))
