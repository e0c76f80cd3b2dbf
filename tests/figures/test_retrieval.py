"""Figures of retrieval draw the numbers that they are given."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cnnlab.figures import dimensions_figure, layer_scores_figure


def test_each_layer_has_a_bar_for_each_network():
    scores = {"before": {"relu4": 0.3, "relu5": 0.5}, "after": {"relu4": 0.6, "relu5": 0.4}}
    figure = layer_scores_figure(scores, {"class known": 0.55, "chance": 0.02})
    drawn = [[float(bar.get_height()) for bar in box] for box in figure.axes[0].containers]
    assert drawn == [[0.3, 0.5], [0.6, 0.4]]
    assert "best layer of before is relu5 with 0.50, of after is relu4 with 0.60" in figure.alt_text
    assert figure.alt_text.endswith("; class known 0.55; chance 0.02.")
    lines = [(line.get_ydata()[0], line.get_linestyle()) for line in figure.axes[0].lines]
    assert lines == [(0.55, "--"), (0.02, ":")]
    pooled = layer_scores_figure({"fire9": {"sum": 0.8, "max": 0.7}}, across="pooling")
    assert pooled.alt_text == "Mean average precision by pooling; the best pooling of fire9 is sum with 0.80."
    assert pooled.axes[0].get_xlabel() == "pooling"
    with pytest.raises(ValueError, match="same layers"):
        layer_scores_figure({"before": {"relu4": 0.3}, "after": {"relu5": 0.4}})


def test_curves_go_through_their_points():
    figure = dimensions_figure(
        {"relu5": {2: 0.1, 4: 0.2, 5: 0.3, 128: 0.4}}, {"relu5": 0.35}, chance=0.05, mark=8
    )
    axis = figure.axes[0]
    assert list(axis.lines[0].get_xdata()) == [2, 4, 5, 128]
    assert list(axis.lines[0].get_ydata()) == [0.1, 0.2, 0.3, 0.4]
    assert [float(line.get_ydata()[0]) for line in axis.lines[1:3]] == [0.35, 0.05]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["2", "4", "128"], "5 would run into 4"
    with pytest.raises(ValueError, match="at least one"):
        dimensions_figure({})


def test_numbers_under_the_dimensions_do_not_run_into_each_other():
    figure = dimensions_figure({"relu7": {2**power: 0.1 for power in range(1, 8)} | {183: 0.2}}, width=5.2)
    figure.canvas.draw()
    labels = figure.axes[0].get_xticklabels()
    boxes = [label.get_window_extent() for label in labels]
    assert all(left.x1 + 2 < right.x0 for left, right in pairwise(boxes))
