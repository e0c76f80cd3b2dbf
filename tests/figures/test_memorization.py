"""Figures of memorization show their numbers and say them."""

from __future__ import annotations

import pytest

from cnnlab.figures import memorization_figure, random_labels_figure, regulariser_figure
from cnnlab.figures.memorization import ZHANG


def test_both_accuracies_run_over_the_epochs():
    curves = {"random": ([0.1, 0.6, 1.0], [0.05, 0.04, 0.06]), "true": ([0.5, 1.0], [0.3, 0.5])}
    figure = memorization_figure(curves, epochs=4, title="by heart")
    left, right = figure.axes
    assert list(left.lines[0].get_ydata()) == [0.1, 0.6, 1.0]
    assert list(right.lines[1].get_ydata()) == [0.3, 0.5]
    assert left.get_xlim() == (0.5, 4.5)
    assert "random: 100% of the training pictures, 6% of other pictures." in figure.alt_text
    with pytest.raises(ValueError, match="no curve"):
        memorization_figure({})


def test_shares_are_lines_and_live_runs_rings():
    rows = [{"share": 0.0, "train": 1.0, "test": 0.6}, {"share": 1.0, "train": 0.9, "test": 0.05}]
    figure = random_labels_figure(rows, rows[:1])
    lines = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines["training pictures (recorded)"] == [1.0, 0.9]
    assert lines["other pictures (live)"] == [0.6]
    assert "60% without, 5% at 100%" in figure.alt_text


def test_the_table_stands_beside_the_papers():
    row = {"train": 0.99, "train_top5": 1.0, "test": 0.06, "test_top5": 0.25}
    rows = [
        {"inputs": "random labels", "regulariser": "none", **row},
        {"inputs": "random labels", "regulariser": "dropout", **row},
    ]
    figure = regulariser_figure(rows)
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said.count("99") == 2 and "95.20" in said and "0.56" in said
    assert "(paper 95 and 0.1)" in figure.alt_text and figure.alt_text.count("paper") == 1


def test_the_papers_rows_are_those_of_the_lecture():
    assert len(ZHANG) == 7
    assert ZHANG["true labels", "none"] == (99.53, 100.0, 59.80, 80.38)
