"""The memorization explorer without a browser: recorded runs, and a live one that can be stopped."""

from __future__ import annotations

from itertools import islice

import pytest
from explorers.contract import ran

from cnnlab.experiments.memorization import make_task, train_epochs
from cnnlab.explorers import MemorizationExplorer
from cnnlab.explorers.memorization import CHOICES


@pytest.fixture(scope="module")
def opened():
    return MemorizationExplorer(pictures=40, epochs=2)


@pytest.fixture
def explorer(opened):
    opened.inputs.value, opened.share.value = CHOICES[0], 100
    return opened


def test_it_opens_with_random_labels_and_their_recorded_run(explorer):
    assert explorer.error is None and explorer.task_options == ("true labels", 1.0)
    assert explorer.recorded_run["share"] == 1.0
    assert "100% of the labels random" in explorer.describe()


def test_wrong_labels_are_framed(explorer):
    wrong = {box["tile"] for box in explorer.grid.boxes}
    assert wrong == {tile for tile, words in enumerate(explorer.grid.captions) if "in truth" in words}
    assert len(wrong) > 15
    explorer.share.value = 0
    assert explorer.grid.boxes == [] and explorer.recorded_run["share"] == 0.0


def test_scrambled_pictures_have_true_labels_and_no_share(explorer):
    explorer.inputs.value = "shuffled pixels"
    assert explorer.share.disabled and explorer.grid.boxes == []
    assert explorer.recorded_run["inputs"] == "shuffled pixels"


def test_the_epochs_in_the_narrow_chart_do_not_run_into_each_other(explorer, monkeypatch):
    drawn = []
    monkeypatch.setattr(explorer, "epochs", 20)
    monkeypatch.setattr(explorer.curves, "show_figure", drawn.append)
    explorer.share.value = 60
    for axis in drawn[-1].axes:
        low, high = axis.get_xlim()
        assert 3 <= sum(low <= tick <= high for tick in axis.get_xticks()) <= 6


def test_a_network_learns_here_and_now_and_the_code_repeats_it(explorer):
    explorer.train_button.click()
    assert explorer.error is None and len(explorer.history["loss"]) == 2
    assert not explorer.train_button.disabled and explorer.stop_button.disabled
    assert "yours" in explorer.curves.alt
    last = ran(explorer)[1].splitlines()[-1].split()
    assert [float(value) for value in last] == [
        explorer.history["accuracy"][-1],
        explorer.history["validation"][-1],
    ]
    explorer.share.value = 80
    assert explorer.history == {}, "another lesson starts anew"


def test_learning_can_be_left_at_any_epoch():
    task = make_task(pictures=40)
    first = list(islice(train_epochs(task, epochs=5), 2))
    assert [len(history["loss"]) for history in first] == [1, 2]
