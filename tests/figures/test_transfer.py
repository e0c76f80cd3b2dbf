"""Repeats are drawn one by one, with their mean, and with an interval where there are enough of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnlab.figures import column_table, repeats_figure, repeats_panels_figure
from cnnlab.transfer.learning_curves import t_interval

VALUES = {
    "tuned": torch.tensor([[0.5, 0.6, 0.7], [0.8, 0.8, 0.9]]),
    "scratch": torch.tensor([[0.1, 0.2, 0.3], [0.9, 0.9, 0.95]]),
}


def test_every_repeat_the_mean_and_the_interval_are_drawn():
    figure = repeats_figure(VALUES, (1, 10), title="T", across="examples", level={"chance": 0.1})
    axis = figure.axes[0]
    dots = np.stack([line.get_ydata() for line in axis.lines[:3]], 1)
    assert np.allclose(dots, VALUES["tuned"])
    assert np.allclose(axis.lines[3].get_ydata(), VALUES["tuned"].mean(1))
    band = axis.collections[0].get_paths()[0].vertices[:, 1]
    _, low, high = t_interval(VALUES["tuned"].double())
    assert band.min() == pytest.approx(float(low.min())) and band.max() == pytest.approx(float(high.max()))
    assert len(axis.collections) == 2 and axis.get_xscale() == "log"
    assert [text.get_text() for text in axis.texts] == ["chance"]
    assert figure.alt_text == (
        "T. By examples, 3 repeats: tuned 0.60 at 1, 0.83 at 10; scratch 0.20 at 1, 0.92 at 10."
    )


def test_two_repeats_have_no_band_and_names_stand_evenly():
    figure = repeats_figure({"AnB": torch.rand(3, 2)}, ("a", "b", "c"), title="T", across="layer")
    assert not figure.axes[0].collections and figure.axes[0].get_xscale() == "linear"
    assert list(figure.axes[0].lines[-1].get_xdata()) == [0, 1, 2]


def test_other_places_than_said_are_refused():
    with pytest.raises(ValueError, match=r"3 places, but came as tuned \(2, 3\)"):
        repeats_figure({"tuned": VALUES["tuned"]}, (1, 2, 3), title="", across="")
    with pytest.raises(ValueError, match="nothing"):
        repeats_figure({}, (1,), title="", across="")


def test_rows_of_a_record_become_places_and_repeats():
    rows = [{"n": n, "seed": s, "a": n + s, "b": n * s} for n in (4, 1) for s in (0, 2)]
    places, table = column_table(rows, ("a", "b"), "n")
    assert places == [4, 1]
    assert table["a"].tolist() == [[4, 6], [1, 3]] and table["b"].tolist() == [[0, 8], [0, 2]]
    with pytest.raises(ValueError, match="as many repeats"):
        column_table(rows[:3], ("a",), "n")


def test_rings_stand_where_they_were_measured():
    axis = repeats_figure(VALUES, (1, 10), title="T", across="", live={"scratch": {10: 0.4}}).axes[0]
    ring = next(line for line in axis.lines if line.get_fillstyle() == "none")
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([10.0], [0.4])


def test_panels_share_their_axes_and_one_legend():
    panels = dict.fromkeys(("easy", "hard", "harder"), VALUES)
    live = {"hard": {"tuned": {1: 0.5}}}
    figure = repeats_panels_figure(panels, (1, 10), across="n", level={"easy": {"chance": 0.1}}, live=live)
    assert [axis.get_title() for axis in figure.axes] == ["easy", "hard", "harder", ""]
    assert [len(axis.lines) for axis in figure.axes[:3]] == [9, 9, 8]  # with a level, with a ring, as it is
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["tuned", "scratch"]
    assert figure.alt_text.count("3 repeats") == 3
