"""Figures of corruptions and cue conflicts show their numbers and say them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cnnlab.figures import class_errors_figure, corruption_error_figure, severity_figure, shape_bias_figure
from cnnlab.robustness import CORRUPTIONS, FAMILIES, ShapeBias


@pytest.fixture
def errors():
    return torch.rand(15, 5, generator=torch.Generator().manual_seed(0)).sort(1).values


def test_each_family_has_its_panel_with_lines_and_rings(errors):
    live = errors[:, [0, 2, 4]] / 2
    figure = severity_figure(errors, live, (1, 3, 5), "a network")
    assert [axis.get_title() for axis in figure.axes] == list(FAMILIES)
    for axis, kinds in zip(figure.axes, FAMILIES.values(), strict=True):
        drawn = {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}
        assert list(drawn) == [kind.replace("_", " ") for kind in kinds]
        for kind, line in zip(kinds, drawn.values(), strict=True):
            assert np.allclose(line.get_ydata(), errors[CORRUPTIONS.index(kind)])
        rings = [line for line in axis.lines if line.get_label().startswith("_")]
        assert [list(ring.get_xdata()) for ring in rings] == [[1, 3, 5]] * len(kinds)
    assert figure.alt_text.startswith("a network by severity") and "noise" in figure.alt_text
    assert not [
        line for axis in severity_figure(errors).axes for line in axis.lines if line.get_label()[0] == "_"
    ]


def test_another_share_at_fewer_severities_has_its_own_label(errors):
    figure = severity_figure(errors[:, :2], title="a cat", severities=(1, 4), up="probability")
    assert figure.axes[0].get_ylabel() == "probability"
    assert list(figure.axes[0].lines[0].get_xdata()) == [1, 4]


def test_errors_of_another_shape_are_refused(errors):
    with pytest.raises(ValueError, match="15 corruptions x 5"):
        severity_figure(errors[:4])
    with pytest.raises(ValueError, match="15 values of CE"):
        corruption_error_figure({"one": torch.ones(4)})


def test_the_table_of_ce_prints_each_number_and_their_mean():
    rows = {"plain": torch.ones(15), "other": torch.linspace(0.5, 1.2, 15)}
    figure = corruption_error_figure(rows)
    table, means = figure.axes
    said = [text.get_text() for text in table.texts]
    assert said[:15] == ["100"] * 15 and said[15] == "50" and said[-1] == "120"
    assert [text.get_text() for text in means.texts] == ["100", "85"]
    assert figure.alt_text == "mCE in per cent: plain 100, other 85."


def test_classes_stand_from_easy_to_hard():
    figure = class_errors_figure(
        torch.tensor([0.1, 0.0, 0.2]), torch.tensor([0.5, 0.2, 0.9]), ("goat", "bird", "cup")
    )
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["bird", "goat", "cup"]
    assert [bar.get_height() for bar in axis.patches[:3]] == pytest.approx([0.2, 0.5, 0.9])
    assert "fewest for bird, most for cup" in figure.alt_text


def test_shape_bias_stands_beside_quoted_numbers():
    answers = torch.zeros(10, dtype=torch.int64)
    one = ShapeBias(answers, 3, 5, 2, 3 / 8, (0.14, 0.69), torch.full((2,), math.nan), 0)
    figure = shape_bias_figure({"plain": one}, {"humans (paper)": 0.96})
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["plain", "humans (paper)"]
    assert [float(line.get_xdata()[0]) for line in axis.lines if line.get_marker() in "oD"] == [0.375, 0.96]
    assert "plain 0.38 (8 decisions" in figure.alt_text and "humans (paper) 0.96 (quoted)" in figure.alt_text
