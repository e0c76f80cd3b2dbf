"""Figures of layers and shapes show the numbers that went in, where they belong."""

import pytest
import torch

from cnnlab.figures import convolution_step_figure, fully_convolutional_figure, receptive_field_figure
from cnnlab.networks import convolution_step


def test_a_step_shows_patch_kernel_and_products():
    maps = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0))
    weight = torch.tensor([[[-1.0, 0.0], [2.0, 0.5]]])
    step = convolution_step(maps, weight, row=3, column=4)
    figure = convolution_step_figure(maps, weight, step)
    whole, *panels = figure.axes
    assert torch.equal(torch.as_tensor(whole.images[0].get_array()), maps[0])
    for axis, values in zip(panels, (step.patch[0], weight[0], step.products[0]), strict=True):
        written = [float(text.get_text()) for text in axis.texts]
        assert written == pytest.approx(values.flatten().tolist(), abs=0.006)
    corners = sorted((frame.get_y() + 0.5, frame.get_x() + 0.5) for frame in whole.patches)
    assert corners == [(3, 4), (3, 5), (4, 4), (4, 5)]
    assert "rows 3 to 4, columns 4 to 5" in figure.alt_text


def test_a_step_over_the_border_keeps_the_window_in_sight_and_large_kernels_have_no_digits():
    maps, weight = torch.rand(3, 6, 6), torch.rand(3, 7, 7)
    step = convolution_step(maps, weight, row=0, column=0, padding=3)
    figure = convolution_step_figure(maps, weight, step, channel=2)
    assert figure.axes[0].get_xlim()[0] == -3.5 and figure.axes[0].get_ylim()[1] == -3.5
    assert not figure.axes[1].texts and "channel 2 of 3" in figure.alt_text


def test_fields_are_drawn_where_they_lie():
    boxes = {"conv1": (2, 3, 6, 8), "conv5": (0, 0, 16, 12)}
    figure = receptive_field_figure(torch.rand(3, 16, 16), boxes, torch.rand(16, 16))
    frames = {
        frame.get_label(): (frame.get_y(), frame.get_x(), frame.get_height(), frame.get_width())
        for frame in figure.axes[0].patches
        if frame.get_label() in boxes
    }
    assert frames == {"conv1": (1.5, 2.5, 4, 5), "conv5": (-0.5, -0.5, 16, 12)}
    assert len(figure.axes) == 2 and "conv5 rows 0 to 15, columns 0 to 11" in figure.alt_text
    assert len(receptive_field_figure(torch.rand(3, 16, 16), boxes).axes) == 1


def test_sliding_answers_lie_where_their_windows_have_their_middle():
    maps = torch.rand(2, 3, 5)
    centres = torch.tensor([[10.0, 8.0], [14.0, 24.0]])
    figure = fully_convolutional_figure(torch.rand(3, 24, 32), maps, centres, ["sheep", "car"])
    left, right, bottom, top = figure.axes[1].images[1].get_extent()
    assert (left, right, bottom, top) == (6.0, 26.0, 15.0, 9.0)
    assert [axis.get_title() for axis in figure.axes[1:3]] == ["P(sheep)", "P(car)"]
    assert figure.axes[2].images[1].get_clim() == (0, 1)
    assert "32 x 24" in figure.alt_text
