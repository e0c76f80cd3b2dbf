"""Cue conflicts show one class's shape in another's texture, and the bias counts what the paper counts."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from cnnlab.robustness import CueConflicts, cue_conflict, cue_conflicts, shape_bias
from cnnlab.robustness.cue_conflict import wilson_interval
from cnnlab.world import render

NAMES = ("sheep", "car", "cup", "fish")


class Scripted(nn.Module):
    """Answers what it is told to, picture by picture: the first pixel says which class."""

    def __init__(self, names=NAMES):
        super().__init__()
        self.class_names = names

    def forward(self, images):
        return nn.functional.one_hot((images[:, 0, 0, 0] * 10).round().long(), len(self.class_names)).float()


def scripted(answers, shapes, textures, names=NAMES):
    images = torch.zeros(len(answers), 3, 16, 16)
    images[:, 0, 0, 0] = torch.tensor(answers) / 10
    return CueConflicts(images, torch.tensor(shapes), torch.tensor(textures), names)


def test_the_shape_is_of_one_class_and_the_texture_of_another():
    conflict, own = cue_conflict("elephant", "sheep", 21), render(21, shape="elephant", clutter=0, cover=0.0)
    assert torch.equal(conflict.mask(), own.mask()) and conflict.label == "elephant"
    assert conflict.mask("texture", "curly").sum() > 0.5 * conflict.mask().sum()
    assert not own.mask("texture", "curly").any()


def test_every_pair_occurs_as_often_as_every_other():
    conflicts = cue_conflicts(24, classes=NAMES, size=32)
    pairs = Counter(zip(conflicts.shapes.tolist(), conflicts.textures.tolist(), strict=True))
    assert len(pairs) == 12 and set(pairs.values()) == {2} and all(s != t for s, t in pairs)
    assert conflicts.class_names == NAMES and conflicts.images.shape == (24, 3, 32, 32)
    again, other = cue_conflicts(5, classes=NAMES, size=32), cue_conflicts(5, classes=NAMES, size=32, seed=1)
    assert torch.equal(again.images, cue_conflicts(5, classes=NAMES, size=32).images)
    assert not torch.equal(again.images, other.images)


def test_the_bias_is_the_share_of_shape_among_shape_and_texture():
    #               shape, texture, neither, same category (twice), shape
    conflicts = scripted([0, 2, 3, 1, 0, 3], [0, 1, 0, 1, 0, 3], [1, 2, 1, 1, 0, 2])
    result = shape_bias(Scripted(), conflicts)
    assert (result.shape, result.texture, result.neither, result.excluded) == (2, 1, 1, 2)
    assert result.bias == pytest.approx(2 / 3) and result.predictions.tolist() == [0, 2, 3, 1, 0, 3]
    assert result.by_shape[[0, 1, 3]].tolist() == [1, 0, 1] and math.isnan(result.by_shape[2])


def test_the_interval_is_wilsons():
    for successes, trials in ((0, 5), (3, 7), (40, 40), (213, 258)):
        theirs = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        assert wilson_interval(successes, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-6)
    assert all(math.isnan(end) for end in wilson_interval(0, 0))


def test_answers_are_matched_by_name():
    shuffled = ("fish", "cup", "car", "sheep", "goat")
    # The network's answer 3 is "sheep", the shape of both pictures.
    result = shape_bias(Scripted(shuffled), scripted([3, 2], [0, 0], [1, 1]))
    assert (result.shape, result.texture) == (1, 1)
    with pytest.raises(ValueError, match="this network does not know fish. Take conflicts of classes"):
        shape_bias(Scripted(("sheep", "car", "cup")), scripted([0], [3], [0]))


def test_without_an_answer_for_either_there_is_no_bias_and_without_conflict_no_question():
    result = shape_bias(Scripted(), scripted([3], [0], [1]))
    assert math.isnan(result.bias) and result.neither == 1
    with pytest.raises(ValueError, match="no conflict"):
        shape_bias(Scripted(), scripted([0], [1], [1]))
    with pytest.raises(ValueError, match="two classes"):
        cue_conflicts(3, classes=("sheep",))
