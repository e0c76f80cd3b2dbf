"""Diagrams show the blocks that they were given, and the values and derivatives that autograd computes."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from matplotlib.patches import Polygon

from cnnlab.figures import architecture_figure, compute_graph_figure

BLOCKS = [("image", 3, 64), ("down", 16, 32), ("bottom", 32, 16), ("up", 16, 32), ("code", 10, 1)]


def arrows(figure) -> list[tuple]:
    """Start and end of each arrow."""
    return [(text.xyann, text.xy) for text in figure.axes[0].texts if getattr(text, "arrow_patch", None)]


def fronts(figure) -> list[Polygon]:
    return figure.axes[0].patches[::3]


def side_lengths(block: Polygon) -> tuple[float, float]:
    (left, low), _, (right, high), *_ = block.get_xy()
    return right - left, high - low


def test_each_block_has_its_shape_and_is_joined_to_the_next():
    figure = architecture_figure(BLOCKS)
    written = [text.get_text() for text in figure.axes[0].texts if text.get_text()]
    assert written == ["image\n3 × 64²", "down\n16 × 32²", "bottom\n32 × 16²", "up\n16 × 32²", "code\n10"]
    assert len(arrows(figure)) == len(BLOCKS) - 1
    for (start, end), (before, after) in zip(arrows(figure), pairwise(fronts(figure)), strict=True):
        assert before.get_xy()[:, 0].max() < start[0] < end[0] == after.get_xy()[:, 0].min()
    assert "bottom, 32 channels of 16 x 16; up" in figure.alt_text


def test_larger_maps_are_taller_and_more_channels_deeper():
    image, down, bottom, up, _ = map(side_lengths, fronts(architecture_figure(BLOCKS)))
    assert image[1] > down[1] > bottom[1] and down[1] == pytest.approx(up[1])
    assert image[0] < down[0] < bottom[0]


def test_a_skip_goes_above_the_blocks_between():
    figure = architecture_figure(BLOCKS, skips=[("down", "up")])
    *_, (start, end) = arrows(figure)
    down, bottom, up = (block.get_xy() for block in fronts(figure)[1:4])
    assert down[:, 0].max() < up[:, 0].min() < end[0]
    assert start[1] > max(corners[:, 1].max() for corners in (down, bottom, up)) and start[1] > end[1]
    assert "skip from down to up" in figure.alt_text


def test_two_streams_stay_apart_except_where_they_cross():
    blocks = [
        ("image", 3, 64),
        ("one", (8, 8), 32),
        ("two", (8, 8), 32),
        ("three", (8, 8), 32),
        ("end", 5, 1),
    ]
    figure = architecture_figure(blocks, crossings=["three"], streams=["GPU 1", "GPU 2"])
    assert len(fronts(figure)) == 2 + 3 * 2
    assert len(arrows(figure)) == 2 + 2 + 4 + 2
    assert "8 + 8 channels of 32 x 32" in figure.alt_text and "three reads both streams" in figure.alt_text
    assert {"GPU 1", "GPU 2", "two\n2 × 8 × 32²"} <= {text.get_text() for text in figure.axes[0].texts}


def test_names_that_are_not_there_or_stand_twice_are_refused():
    with pytest.raises(ValueError, match="image, down, bottom"):
        architecture_figure(BLOCKS, skips=[("down", "top")])
    with pytest.raises(ValueError, match="names must differ"):
        architecture_figure([BLOCKS[0], BLOCKS[0]])


@pytest.fixture
def neuron() -> dict[str, torch.Tensor]:
    """Lecture N: f = sigmoid(w0 x0 + w1 x1 + w2)."""
    w0, x0, w1, x1, w2 = torch.tensor([2.0, -1, -3, -2, -3], requires_grad=True)
    products = w0 * x0, w1 * x1
    total = products[0] + products[1] + w2
    nodes = {"w0": w0, "x0": x0, "w1": w1, "x1": x1, "w2": w2, "w0 x0": products[0], "w1 x1": products[1]}
    return nodes | {"sum": total, "f": total.sigmoid()}


def test_the_compute_graph_shows_the_values_and_slopes_of_the_lecture(neuron):
    """Worked out by hand: the sum is 1, f = 0.73, and f (1 - f) = 0.20 goes back to each of its parts."""
    figure = compute_graph_figure(neuron)
    written = [text.get_text() for text in figure.axes[0].texts if text.get_text()]
    values, slopes = written[: len(neuron)], written[len(neuron) :]
    shown = dict(zip(values, slopes, strict=True))
    assert shown["f: 0.73"] == "+1.00"
    assert (shown["w0: 2.00"], shown["x0: -1.00"]) == ("-0.20", "+0.39")
    assert (shown["w1: -3.00"], shown["x1: -2.00"], shown["w2: -3.00"]) == ("-0.39", "-0.59", "+0.20")
    assert "x0 -1.00, derivative 0.39" in figure.alt_text


def test_arrows_follow_the_computation_even_through_nodes_without_a_name(neuron):
    """The sum is made of two additions, of which the first has no name."""
    figure = compute_graph_figure(neuron)
    places = {
        text.get_text().split(":")[0]: text.get_position() for text in figure.axes[0].texts if text.get_text()
    }
    edges = {
        (start, end)
        for arrow in arrows(figure)
        for start in neuron
        for end in neuron
        if (places[start], places[end]) == arrow
    }
    products = {("w0", "w0 x0"), ("x0", "w0 x0"), ("w1", "w1 x1"), ("x1", "w1 x1")}
    assert edges == products | {("w0 x0", "sum"), ("w1 x1", "sum"), ("w2", "sum"), ("sum", "f")}


def test_what_has_no_part_in_the_result_is_refused():
    x, y = (torch.tensor(1.0, requires_grad=True) for _ in range(2))
    with pytest.raises(ValueError, match="f was not computed from y"):
        compute_graph_figure({"x": x, "y": y, "f": x * x})
    with pytest.raises(ValueError, match="one number each"):
        compute_graph_figure({"x": torch.ones(2, requires_grad=True), "f": x * x})
