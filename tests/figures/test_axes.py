"""The parts that figures share: numbers that can be read, gaps for what is missing, rings in the colour of their line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from cnnlab.figures.axes import draw_bars, draw_lines, draw_table, outline, pale_grey


@pytest.fixture
def axis():
    return Figure().subplots()


@pytest.mark.parametrize("cmap", ["viridis", "cividis", "Blues", "PuOr_r", "gray"])
def test_numbers_of_a_table_can_be_read_on_their_colours(axis, cmap):
    values = np.linspace(0, 1, 30)[None]
    table = draw_table(axis, values, np.char.mod("%.2f", values), cmap=cmap)
    for text, value in zip(axis.texts, values[0], strict=True):
        linear = np.array([table.to_rgba(value)[:3], to_rgb(text.get_color())]) ** 2.2
        dark, bright = sorted(linear @ (0.2126, 0.7152, 0.0722))
        assert (bright + 0.05) / (dark + 0.05) > 3, "at least 3 to 1, as WCAG 2.1 measures contrast"


@pytest.mark.parametrize("horizontal", [False, True])
def test_missing_bars_leave_a_gap(axis, horizontal):
    draw_bars(axis, "ab", {"one": [1, np.nan], "two": [2, 3]}, ("red", "blue"), horizontal=horizontal)
    sizes = [[bar.get_width() if horizontal else bar.get_height() for bar in box] for box in axis.containers]
    assert sizes == [[1], [2, 3]]


def test_rings_have_the_colour_of_their_line(axis):
    draw_lines(axis, {"a": ([0, 1], [2, 3]), "b": ([0, 1], [4, 5])}, rings={"b": ([1], [6]), "c": ([1], [7])})
    first, second, ring, alone = axis.lines
    assert ring.get_color() == second.get_color() != first.get_color() and ring.get_fillstyle() == "none"
    assert [line.get_label() for line in (first, second, alone)] == ["a", "b", "c (live)"]


def test_an_outline_needs_an_inside_and_an_outside(axis):
    for mask in (None, torch.zeros(4, 4, dtype=torch.bool), torch.ones(4, 4, dtype=torch.bool)):
        outline(axis, mask)
    assert not axis.collections
    outline(axis, torch.eye(4, dtype=torch.bool))
    assert len(axis.collections) == 2


def test_grey_keeps_to_its_range():
    grey = pale_grey(torch.tensor([0.0, 0.5, 1.0]).expand(3, 1, 3), 0.4, 0.8)
    assert torch.allclose(grey[:, 0], torch.tensor([0.4, 0.6, 0.8]).expand(3, 3))
