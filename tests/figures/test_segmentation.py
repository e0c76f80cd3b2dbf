"""Figures of masks show the classes, the errors and the numbers that they are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnlab import world
from cnnlab.figures import (
    class_colours,
    mean_iou_figure,
    segmentation_figure,
    tasks_figure,
    upsampling_steps_figure,
)
from cnnlab.segmentation import MeanIoU, SegmentationScore


@pytest.fixture(scope="module")
def pair():
    return world.render(3, shape="sheep", others=("sheep",), clutter=0, cover=0.0)


def test_the_four_tasks_have_a_panel_each(pair):
    figure = tasks_figure(pair)
    titles = [axis.get_title().split(":")[0] for axis in figure.axes]
    assert titles == ["classification", "detection", "semantic segmentation", "instance segmentation"]
    _, _, semantic, instance = (axis.images[-1].get_array() for axis in figure.axes)
    seen = pair.instance.numpy()
    first, second = (
        np.argwhere(seen == thing)[0] for thing in np.unique(seen[(pair.object == 1).numpy()])[:2]
    )
    assert np.array_equal(semantic[tuple(first)], semantic[tuple(second)]), "two sheep are one class"
    assert not np.array_equal(instance[tuple(first)], instance[tuple(second)]), "and two objects"
    assert "2 objects" in figure.alt_text and "Detection: sheep, sheep" in figure.alt_text


def test_answers_wear_the_colours_of_their_classes_and_errors_are_marked():
    images, truth = torch.rand(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.long)
    truth[:, 2:6, 2:6] = 5
    answer = truth.clone()
    answer[1, 3, 3] = 7
    figure = segmentation_figure(images, truth, {"net": answer})
    shown = figure.axes[5].images[-1].get_array()
    assert np.allclose(shown[3, 3, :3], class_colours(6)) and shown[0, 0, 3] == 0
    wrong = segmentation_figure(images, truth, {"net": answer}, errors=True)
    assert wrong.axes[5].images[-1].get_array()[..., 3].sum() == 1
    assert [axis.get_xlabel() for axis in wrong.axes[2::3]] == ["0.0% wrong", "1.6% wrong"]
    assert "net: 0.8% of the pixels are wrong" in wrong.alt_text
    with pytest.raises(ValueError, match="answer of net must be"):
        segmentation_figure(images, truth, {"net": answer[:1]})


def test_scores_are_written_beside_their_bars():
    def found(mean):
        return MeanIoU(mean, torch.ones(1), 1.0, torch.ones(1, 1))

    scores = {
        "a": SegmentationScore(found(0.9), found(0.75), found(0.95)),
        "b": SegmentationScore(found(0.8), found(0.5), found(0.9)),
    }
    figure = mean_iou_figure(scores)
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written == ["0.90", "0.80", "0.75", "0.50", "0.95", "0.90"]
    assert "b 0.80 everywhere, 0.50 at edges" in figure.alt_text


def test_steps_frame_what_they_change():
    steps = torch.tensor([[[0.0, 0.0]], [[3.0, 0.0]], [[3.0, -4.0]]])
    figure = upsampling_steps_figure(steps, columns=2)
    bold = [
        [text.get_text() for text in axis.texts if text.get_weight() == "bold"] for axis in figure.axes[:3]
    ]
    assert bold == [[], ["3"], ["\u22124"]]
    assert not figure.axes[3].axison
