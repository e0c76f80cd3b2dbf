"""Figures of dissection count what the report counts, and light what the masks light."""

from __future__ import annotations

import pytest
import torch

from cnnlab.figures import (
    ablation_figure,
    category_bars,
    concepts_figure,
    detectors_figure,
    report_figure,
    threshold_figure,
)
from cnnlab.figures.dissection import highlight
from cnnlab.units import AblationResult, Dissection

CONCEPTS = ("wheel", "sail", "sheep", "red")
KINDS = ("part", "part", "object", "colour")


@pytest.fixture
def found() -> Dissection:
    """Five units: two of wheels, one of sails, one of red, one of nothing; none by chance."""
    iou = torch.zeros(5, 4)
    for unit, (concept, value) in enumerate(((0, 0.3), (0, 0.1), (1, 0.2), (3, 0.05), (2, 0.01))):
        iou[unit, concept] = value
    shares = torch.full((5,), 0.005), torch.full((4,), 0.1)
    return Dissection("relu4", CONCEPTS, KINDS, torch.ones(5), *shares, iou, iou / 20)


def heights(axis) -> dict[str, list[float]]:
    return {box.get_label(): [float(bar.get_height()) for bar in box] for box in axis.containers}


def test_bars_are_unique_detectors_by_category(found):
    figure = detectors_figure({"one": found, "two": found})
    drawn = heights(figure.axes[0])
    assert drawn["part"] == [2, 2] and drawn["colour"] == [1, 1] and drawn["object"] == [0, 0]
    assert "one 3; two 3" in figure.alt_text
    assert "one 4" in detectors_figure({"one": found}, unique=False).alt_text
    assert heights(detectors_figure({"one": found}, 0.15).axes[0])["part"] == [2]
    with pytest.raises(ValueError, match="at least one"):
        detectors_figure({})


def test_recorded_counts_make_the_same_bars(found):
    drawn = heights(category_bars({"one": {"part": 2, "colour": 1}}).axes[0])
    assert drawn == heights(detectors_figure({"one": found}).axes[0])


def test_concepts_are_counted_by_unit(found):
    figure = concepts_figure(found)
    assert [bar.get_height() for bar in figure.axes[0].containers[0]] == [2, 1, 1]
    assert "4 of 5 units are detectors, of 3 concepts" in figure.alt_text
    assert "none" in concepts_figure(found, 0.9).alt_text


def test_curves_fall_with_the_threshold(found):
    axis = threshold_figure({"one": found}).axes[0]
    share, chance = axis.lines[0].get_ydata(), axis.lines[1].get_ydata()
    assert (
        share[0] == 0.8 and share[20] == 0.4 and all(a >= b for a, b in zip(share, share[1:], strict=False))
    )
    assert chance[0] == 0.2 and chance[-1] == 0
    assert threshold_figure({"one": found}, unique=True).axes[0].lines[0].get_ydata()[0] == 3
    with pytest.raises(ValueError, match="at least one"):
        threshold_figure({})


def test_a_page_names_its_units_and_darkens_what_is_outside(found):
    pictures, masks = torch.rand(2, 3, 3, 12, 12), torch.zeros(2, 3, 12, 12, dtype=torch.bool)
    masks[:, :, 4:8, 4:8] = True
    figure = report_figure(found, [0, 2], pictures, masks)
    assert [axis.get_title(loc="left").split("  ")[1] for axis in figure.axes] == [
        "wheel (part)",
        "sail (part)",
    ]
    row = highlight(pictures[0], masks[0], 0.25)
    assert row.shape == (3, 12, 36)
    assert torch.equal(row[:, 4:8, 4:8], pictures[0, 0, :, 4:8, 4:8])
    assert torch.allclose(row[:, :4, :4], 0.25 * pictures[0, 0, :, :4, :4])
    with pytest.raises(ValueError, match="as many pictures as masks"):
        report_figure(found, [0], pictures, masks)


def test_what_falls_most_is_named():
    change = torch.tensor([[0.0, -0.4, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    ones = torch.ones(3, dtype=torch.float64)
    lost = AblationResult(((1,), (2, 3)), ones, ones + change, change, change.mean(1), 3 * change)
    figure = ablation_figure(lost, ("cat", "dog", "owl"), what="change")
    assert figure.alt_text.endswith("unit 1: dog.")
    assert [text.get_text() for text in figure.axes[0].texts] == ["-0.40"]
    assert [text.get_text() for text in ablation_figure(lost, ("cat", "dog", "owl")).axes[0].texts] == [
        "-1.20"
    ]
    assert figure.axes[0].get_yticklabels()[1].get_text() == "unit 2, 3"
    with pytest.raises(ValueError, match="2 units or groups"):
        ablation_figure(lost, ("cat", "dog", "owl"), ["one"])
