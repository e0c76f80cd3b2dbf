"""Figures of attacks and fooling pictures show the numbers that they are given, and say them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from cnnlab.figures import (
    amplify_difference,
    attack_figure,
    confidence_figure,
    defence_figure,
    generations_figure,
    linear_figure,
    strength_figure,
)
from cnnlab.robustness import Fooling, linear_classifier, small_changes

NAMES = ("sheep", "goat", "wolf", "husky", "bird")


def test_a_change_is_grey_where_there_is_none():
    change = torch.tensor([0.0, 0.01, -0.01, 1.0]).view(1, 1, 4)
    assert torch.allclose(amplify_difference(change, 50), torch.tensor([0.5, 0.75, 0.25, 1.0]).view(1, 1, 4))


def test_an_attack_shows_both_pictures_the_change_and_both_answers():
    images = torch.full((2, 3, 4, 4), 0.5)
    attacked = images + 0.1 * torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    before, after = torch.eye(5)[[0, 1]], torch.eye(5)[[2, 1]]
    figure = attack_figure(images, attacked, before, after, NAMES)
    assert figure.alt_text == "Attacked pictures: sheep becomes wolf; goat stays."
    rows = np.array(figure.axes).reshape(2, 4)
    assert np.allclose(rows[0, 1].images[0].get_array(), 1) and np.allclose(
        rows[1, 1].images[0].get_array(), 0
    )
    assert rows[0, 1].get_title() == "the change, x 10" and rows[0, 2].get_title() == "wolf"
    assert {"sheep", "wolf"} <= {label.get_text() for label in rows[0, 3].get_yticklabels()}
    with pytest.raises(ValueError, match="as many pictures as probabilities"):
        attack_figure(images, attacked, before[:1], after, NAMES)


def test_every_picture_of_an_attack_is_stored_large_enough_to_look_at():
    images, answers = torch.full((3, 3, 8, 8), 0.5), torch.eye(5)[:3]
    figure = attack_figure(images, images, answers, answers, NAMES)
    figure.savefig(io.BytesIO(), format="png", dpi=figure.dpi)
    panels = np.array(figure.axes).reshape(3, 4)[:, :3].flat
    assert min(panel.get_window_extent().width for panel in panels) >= 150


def test_strength_has_a_line_for_what_is_recorded_and_rings_for_what_is_live():
    figure = strength_figure(
        {"PGD": {8: 0.1, 0: 1.0}}, {"PGD": {8: 0.2}, "noise": {8: 0.9}}, title="Attacked"
    )
    axis = figure.axes[0]
    assert axis.lines[0].get_xydata().tolist() == [[0, 1.0], [8, 0.1]]
    assert axis.lines[1].get_xydata().tolist() == [[8, 0.2]]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["PGD", "noise (live)"]
    assert "Attacked" in figure.alt_text
    with pytest.raises(ValueError, match="at least one line"):
        strength_figure({})


def test_defences_have_a_bar_for_each_attacker_with_its_interval():
    rows = [
        {"defence": d, "attacker": a, "accuracy": value, "low": value - 0.1, "high": value + 0.1}
        for d, a, value in (("none", "nobody", 0.9), ("none", "aware", 0.2), ("jpeg", "aware", 0.3))
    ]
    figure = defence_figure(rows)
    heights = sorted(patch.get_height() for patch in figure.axes[0].patches)
    assert heights == [0.2, 0.3, 0.9]
    assert "none, aware 20%" in figure.alt_text and "jpeg, aware 30%" in figure.alt_text
    assert len(figure.axes[0].collections) == 2, "one set of intervals for each attacker"
    with pytest.raises(ValueError, match="at least one row"):
        defence_figure([])


def test_the_linear_figure_shows_weights_pictures_and_sums():
    images = torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    model = linear_classifier(images, torch.arange(8) % 2, ["day", "night"], steps=5)
    sums = small_changes(model, images[0]).sums
    figure = linear_figure(model, images[0], images[1], sums)
    assert figure.axes[0].get_title() == "weights: night against day"
    assert np.allclose(figure.axes[3].lines[0].get_ydata(), sums.numpy())
    assert np.allclose(figure.axes[2].images[0].get_array(), images[1].permute(1, 2, 0))


def bred(generation: int, *sure: float) -> Fooling:
    pictures = torch.full((len(sure), 3, 4, 4), generation / 10)
    return Fooling(pictures, torch.arange(len(sure)), torch.tensor(sure), generation, 10 * (generation + 1))


def test_generations_run_from_the_first_to_the_last():
    steps = [bred(g, g / 10, g / 20) for g in range(9)]
    figure = generations_figure(steps, NAMES, n_columns=3)
    axes = np.array(figure.axes).reshape(2, 3)
    assert [axis.get_title() for axis in axes[0]] == ["generation 0", "generation 4", "generation 8"]
    assert [axis.get_xlabel() for axis in axes[1]] == ["0.00", "0.20", "0.40"]
    assert axes[1, 0].get_ylabel() == "goat" and np.allclose(axes[0, 2].images[0].get_array(), 0.8)
    assert "8 generations" in figure.alt_text and "sheep 0.80" in figure.alt_text
    assert len(generations_figure(steps[:1], NAMES).axes) == 2
    with pytest.raises(ValueError, match="no generation"):
        generations_figure([], NAMES)


def test_confidence_is_drawn_over_the_questions():
    figure = confidence_figure({"CPPN": [bred(0, 0.1, 0.3), bred(1, 0.5, 0.7)]})
    assert np.allclose(figure.axes[0].lines[0].get_xydata(), [[10, 0.2], [20, 0.6]])
    assert "CPPN reaches 0.60" in figure.alt_text
    with pytest.raises(ValueError, match="no curve"):
        confidence_figure({})
