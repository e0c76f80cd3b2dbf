"""The figures of parts show the numbers that they were given."""

from __future__ import annotations

import pytest
import torch

from cnnlab.figures import claims_agreement_figure, interaction_figure, intervals_figure, part_bars_figure

PARTS = ("body", "horn", "eye")


def test_every_part_has_a_bar_for_each_series():
    falls, rises = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([4.0, 0.0, 1.0])
    figure = part_bars_figure(PARTS, {"falls": falls, "rises": rises})
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    assert widths == [2.0, -1.0, 0.5, 4.0, 0.0, 1.0]
    assert "horn -1.00" in figure.alt_text
    scaled = part_bars_figure(PARTS, {"falls": falls, "rises": rises}, scaled=True)
    assert [patch.get_width() for patch in scaled.axes[0].patches][::3] == [1.0, 1.0]
    with pytest.raises(ValueError, match="each of 3 parts"):
        part_bars_figure(PARTS, {"falls": falls[:2]})


def test_interactions_stand_off_the_diagonal():
    table = torch.tensor([[0.0, 1.5, -2.0], [1.5, 0.0, 0.25], [-2.0, 0.25, 0.0]])
    figure = interaction_figure(PARTS, table)
    said = [text.get_text() for text in figure.axes[0].texts if text.get_text()]
    assert sorted(said) == sorted(["1.5", "-2.0"] * 2 + ["0.2"] * 2)
    assert "body and eye -2.00" in figure.alt_text
    with pytest.raises(ValueError, match="square"):
        interaction_figure(PARTS, table[:2])


def test_means_are_sorted_and_the_baseline_is_marked():
    figure = intervals_figure({"a": (0.2, 0.1, 0.3), "b": (0.5, 0.4, 0.6)}, "agreement", baseline="a")
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["b", "a"]
    assert any(line.get_linestyle() == "--" and line.get_xdata()[0] == 0.2 for line in axis.lines)
    assert "b 0.50 [0.40, 0.60]" in figure.alt_text


def test_every_agreement_stands_in_its_row_and_column():
    table = {"RISE": {"a": 0.25, "b": -1.0}, "occlusion": {"a": 0.5, "b": 0.75}}
    figure = claims_agreement_figure(table, "agreement")
    written = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert written == {(0, 0): "0.25", (1, 0): "-1.00", (0, 1): "0.50", (1, 1): "0.75"}
    assert figure.alt_text == "agreement, for a, b: RISE 0.25, -1.00; occlusion 0.50, 0.75."
