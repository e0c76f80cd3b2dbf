"""The table of accuracies by class and scene shows its numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnlab.figures import scene_accuracy_figure


def test_each_table_has_its_panel_and_the_lowest_place_is_told():
    table = torch.tensor([[1.0, 0.9, 0.8], [1.0, 0.1, 1.0]])
    figure = scene_accuracy_figure(
        {"A": table, "B": 1 - table}, ["sheep", "goat"], ["meadow", "rocks", "snow"]
    )
    for axis, expected in zip(figure.axes[:2], (table, 1 - table), strict=True):
        assert np.allclose(axis.images[0].get_array(), expected)
        assert axis.images[0].get_clim() == (0, 1)
        assert [text.get_text() for text in axis.texts] == [
            f"{100 * v:.0f}" for v in expected.flatten().tolist()
        ]
    assert "A: 0.80 on average, lowest for goat in scene rocks." in figure.alt_text


def test_a_table_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="table of A must be 2 x 1"):
        scene_accuracy_figure({"A": torch.ones(1, 1)}, ["sheep", "goat"], ["meadow"])


def test_its_numbers_can_be_read_at_the_width_of_a_notebook():
    scenes = [f"scene {number}" for number in range(10)]
    figure = scene_accuracy_figure({name: torch.rand(2, 10) for name in "AB"}, ["wolf", "husky"], scenes)
    assert figure.get_size_inches()[0] <= 10
    assert min(text.get_fontsize() for axis in figure.axes[:2] for text in axis.texts) >= 10
    figure.draw_without_rendering()
    assert min(axis.get_window_extent().width / 10 for axis in figure.axes[:2]) >= 60  # pixels for a number
