"""Figures of what units respond to show what they are given, where it belongs, and say it in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab.figures import (
    agreement_figure,
    agreement_table,
    describe_agreement,
    maps_figure,
    patches_figure,
)
from cnnlab.units import LabelAgreement, top_patches


def agreement(low: float, high: float) -> LabelAgreement:
    return LabelAgreement(
        units=torch.tensor([0.2, 0.6], dtype=torch.double),
        directions=torch.tensor([0.1, 0.3, 0.5], dtype=torch.double),
        chance=0.05,
        difference=0.1,
        interval=(low, high),
    )


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(8, 3, 20, 20, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def found(pictures):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 5, stride=2, padding=2), nn.ReLU())
    model.input_size = 20
    return top_patches(model, pictures, "0", k=3)


def test_each_map_stands_over_its_name_in_a_range_of_its_own():
    maps = torch.arange(5 * 4 * 6).float().view(5, 4, 6) ** 2
    names = [f"unit {unit}" for unit in range(5)]
    figure = maps_figure(maps, names, columns=3)
    for axis, one, name in zip(figure.axes, maps, names, strict=True):
        assert axis.get_xlabel() == name and name in figure.alt_text
        shown = np.asarray(axis.images[0].get_array())[..., 0]
        assert np.allclose(shown, (one - one.min()) / (one.max() - one.min()), atol=1e-6)


def test_maps_need_three_axes_and_a_name_each():
    with pytest.raises(ValueError, match="U x h x w"):
        maps_figure(torch.zeros(3, 4), ["a", "b", "c"])
    with pytest.raises(ValueError, match="captions"):
        maps_figure(torch.zeros(3, 4, 4), ["a", "b"])


def test_patches_are_drawn_where_they_lie(found, pictures):
    figure = patches_figure(found, pictures, [2, 4])
    assert len(figure.axes) == 6 and "unit 2, unit 4" in figure.alt_text
    for axis, index, box in zip(figure.axes[:3], found.picture[2], found.box[2].tolist(), strict=True):
        top, left, bottom, right = box
        patch = pictures[index, :, top:bottom, left:right].permute(1, 2, 0).numpy()
        shown = np.asarray(axis.images[0].get_array())
        high, wide = patch.shape[:2]
        down, across = (shown.shape[0] - high) * (top == 0), (shown.shape[1] - wide) * (left == 0)
        assert np.allclose(shown[down : down + high, across : across + wide], patch)


def test_whole_pictures_carry_the_box(found, pictures):
    figure = patches_figure(found, pictures, [1], ["eye"], whole=True)
    for axis, index, box in zip(figure.axes, found.picture[1], found.box[1].tolist(), strict=True):
        assert np.allclose(np.asarray(axis.images[0].get_array()), pictures[index].permute(1, 2, 0))
        frame = axis.patches[-1]
        assert (frame.get_y() + 0.5, frame.get_x() + 0.5) == (box[0], box[1])
        assert (frame.get_height(), frame.get_width()) == (box[2] - box[0], box[3] - box[1])
    assert figure.axes[0].get_ylabel() == "eye"


def test_patches_need_as_many_names_as_rows(found, pictures):
    with pytest.raises(ValueError, match="as many names"):
        patches_figure(found, pictures, [0, 1], ["one"])


@pytest.mark.parametrize(
    ("interval", "sentence"),
    [
        ((0.01, 0.2), "of a unit have more in common"),
        ((-0.2, -0.01), "along a random direction have more in common"),
        ((-0.1, 0.1), "cannot be told apart"),
    ],
)
def test_the_sentence_says_what_came_out(interval, sentence):
    assert sentence in describe_agreement(agreement(*interval))


def test_agreement_shows_each_unit_and_direction():
    figure = agreement_figure({"relu1": agreement(-0.1, 0.3), "relu5": agreement(0.01, 0.3)})
    for axis in figure.axes:
        assert sorted(axis.lines[0].get_ydata()) == [0.2, 0.6]
        assert sorted(axis.lines[2].get_ydata()) == [0.1, 0.3, 0.5]
        assert axis.lines[1].get_ydata()[0] == pytest.approx(0.4)
    assert "relu1: units and random" in figure.alt_text
    with pytest.raises(ValueError, match="at least one"):
        agreement_figure({})


def test_the_table_shows_each_share_in_its_place():
    axis = agreement_table(
        {"colour": {"relu1": 0.7, "relu5": 0.2}, "part": {"relu1": 0.1, "relu5": 0.4}}
    ).axes[0]
    assert np.allclose(np.asarray(axis.images[0].get_array()), [[0.7, 0.2], [0.1, 0.4]])
    assert [text.get_text() for text in axis.texts] == ["0.70", "0.20", "0.10", "0.40"]
