"""Tables are sorted by class and carry their names; curves are drawn as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from cnnlab.features import kernel_analysis, rdm
from cnnlab.figures import kernel_figure, pathway_figure, rdm_figure


def test_tables_are_sorted_by_class_and_named():
    codes, labels = (
        torch.randn(6, 4, generator=torch.Generator().manual_seed(0)),
        torch.tensor([1, 0, 1, 0, 1, 0]),
    )
    table = rdm(codes)
    figure = rdm_figure({"simulated population": table, "conv5": table}, labels, ("a", "b"), title="RSA")
    order = [1, 3, 5, 0, 2, 4]
    shown = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(shown) == 2 and np.allclose(shown[0], table[order][:, order])
    assert figure.axes[0].get_title() == "simulated population" and "simulated population" in figure.alt_text
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["a", "b"]
    with pytest.raises(ValueError, match="6 x 6"):
        rdm_figure({"x": table[:5, :5]}, labels, ("a", "b"))


def test_four_tables_stand_in_two_rows_and_each_row_names_the_classes():
    table, labels = torch.eye(4), torch.tensor([0, 0, 1, 1])
    axes = rdm_figure(dict.fromkeys("wxyz", table), labels, ("a", "b")).axes[:4]
    places = [axis.get_subplotspec() for axis in axes]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    named = [[tick.get_text() for tick in axis.get_yticklabels()] for axis in axes]
    assert named == [["a", "b"], ["", ""], ["a", "b"], ["", ""]]


def test_kernel_curves_are_drawn_and_ranked_in_words():
    labels = torch.arange(12) % 2
    good = torch.randn(12, 2, generator=torch.Generator().manual_seed(1)) + 5 * labels[:, None]
    curves = {"noise": kernel_analysis(torch.randn(12, 2), labels), "clear": kernel_analysis(good, labels)}
    figure = kernel_figure(curves, "Kernel analysis of a simulated population")
    assert np.allclose(figure.axes[0].lines[1].get_ydata(), curves["clear"].precision.clamp(min=-0.05))
    assert "simulated population" in figure.alt_text and figure.alt_text.index(
        "clear"
    ) < figure.alt_text.index("noise")
    with pytest.raises(ValueError, match="at least one"):
        kernel_figure({})


def test_the_pathway_draws_receptive_fields_to_scale():
    figure = pathway_figure({"conv1": 0.1, "fire9": 1.7}, "squeezenet")
    widths = [patch.get_width() for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert widths == pytest.approx([2, 0.2, 2, 2])
    assert all(word in figure.alt_text for word in ("V1", "IT", "dorsal", "squeezenet", "conv1 10%"))
    for wrong in ({}, {"conv1": 0.0}, dict.fromkeys("abcdef", 0.5)):
        with pytest.raises(ValueError, match="one to 5 layers"):
            pathway_figure(wrong)
