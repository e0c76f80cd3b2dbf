"""The figures of scores and checks show the numbers that they were given."""

from __future__ import annotations

import pytest
import torch

from cnnlab.attribution import RULES, Comparison, Randomisation, relu_backward
from cnnlab.figures import (
    comparison_figure,
    randomisation_figure,
    relu_rules_figure,
)


def test_the_rules_hand_on_what_relu_backward_says():
    forward = torch.tensor([[1.0, -1.0], [2.0, -5.0]])
    grad_output = torch.tensor([[-2.0, 3.0], [6.0, -3.0]])
    figure = relu_rules_figure(forward, grad_output)
    for axis, rule in zip(figure.axes[3:], RULES, strict=True):
        said = [float(text.get_text()) for text in axis.texts]
        assert said == relu_backward(forward, grad_output, rule).add(0).flatten().tolist()
        stopped = sum(value == 0 for value in said)
        assert len(axis.lines) == stopped
    assert "guided: [[0.0, 0.0], [6.0, 0.0]]" in figure.alt_text


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        relu_rules_figure(torch.ones(2, 2), torch.ones(2, 3))
    with pytest.raises(ValueError, match="6 x 6"):
        relu_rules_figure(torch.ones(9, 9), torch.ones(9, 9))


@pytest.fixture
def found():
    chance = torch.Generator().manual_seed(1)
    scores = ("pointing", "mass", "deletion", "insertion")
    values = {score: torch.rand(4, 12, generator=chance).double() for score in scores}
    return Comparison(("one", "two", "centre", "random"), values)


def test_every_mean_has_its_dot_and_every_baseline_its_line(found):
    figure = comparison_figure(found)
    for axis, score in zip(figure.axes, ("pointing", "mass", "deletion", "insertion"), strict=True):
        drawn = {round(float(line.get_xdata()[0]), 6) for line in axis.lines}
        assert {round(value, 6) for value in found.mean(score).tolist()} <= drawn
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["one", "two"]
    assert f"one {found.of('one', 'mass'):.2f}" in figure.alt_text


def test_scores_that_were_not_measured_have_no_panel(found):
    some = Comparison(found.methods, {score: found.values[score] for score in ("pointing", "mass")})
    figure = comparison_figure(some)
    assert [axis.get_title().splitlines()[0] for axis in figure.axes] == [
        "pointing game",
        "relevance on the object",
    ]
    assert "deletion" not in figure.alt_text


def test_lines_begin_at_one_and_follow_the_mean():
    values = torch.tensor([[0.8, 0.2], [0.6, 0.0]])
    result = Randomisation(("fc", "conv"), values, values, values)
    figure = randomisation_figure({"gradient": result, "guided": result})
    line = figure.axes[0].lines[0]
    assert line.get_ydata() == pytest.approx([1.0, 0.7, 0.1])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["none", "fc", "conv"]
    assert "gradient ends at 0.10" in figure.alt_text


def test_results_of_other_layers_are_not_mixed():
    one = Randomisation(("fc",), *[torch.ones(1, 1)] * 3)
    other = Randomisation(("conv",), *[torch.ones(1, 1)] * 3)
    with pytest.raises(ValueError, match="same order"):
        randomisation_figure({"a": one, "b": other})
    with pytest.raises(ValueError, match="at least one"):
        randomisation_figure({})
