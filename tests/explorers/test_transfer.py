"""The transfer explorer without a browser: what it shows is what the technique learns, and each control changes it."""

from __future__ import annotations

import pytest
import torch
from explorers.contract import ran
from torch import nn

from cnnlab import world
from cnnlab.explorers import TransferExplorer
from cnnlab.explorers.render.transfer import (
    RunConfig,
    learning_rate,
    prediction_frames,
    runs_figure,
    training_steps,
)
from cnnlab.figures.colours import RIGHT, WRONG
from cnnlab.transfer import NewTask, accuracy, fine_tune, transfer_init


class Small(nn.Sequential):
    """Two convolutions whose layers have the names of mini_alexnet's first ones, for pictures of 16 x 16."""

    def __init__(self, seed=0):
        super().__init__()
        self.name, self.class_names, self.input_size = "small", tuple(world.OBJECTS[::2]), 16
        self.conv1, self.relu1, self.pool1 = nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2, self.pool2 = nn.Conv2d(6, 8, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        self.flatten, self.fc3 = nn.Flatten(), nn.Linear(8, 10)
        chance = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=chance)


@pytest.fixture(scope="module")
def explorer():
    return TransferExplorer(Small().eval(), networks={"small": Small().eval(), "other": Small(1).eval()})


@pytest.fixture(scope="module")
def colours():
    chance = torch.Generator().manual_seed(0)
    labels = torch.arange(12) % 2
    images = torch.randint(0, 120, (12, 3, 16, 16), generator=chance, dtype=torch.uint8)
    images[torch.arange(12), labels] += 120
    return NewTask("colours", ("red", "green"), images, labels, images, labels)


def test_a_trial_is_fine_tuning_tried_after_each_pass(colours):
    model, plan = Small().eval(), RunConfig("pool1", True, 4, 3, 5)
    found = [one for one in training_steps(model, "small", colours, plan) if one is not None]
    assert [len(one.accuracy) for one in found] == [1, 2, 3]
    rows = torch.cat([(colours.labels == c).nonzero()[:, 0] for c in (0, 1)])
    chosen = trial_rows(colours, 4, 5)
    assert set(chosen.tolist()) <= set(rows.tolist()) and len(chosen) == 8
    tuned = fine_tune(
        transfer_init(model, colours.classes, "pool1", seed=5),
        colours.images[chosen],
        colours.labels[chosen],
        freeze_up_to="pool1",
        learning_rate=0.03,
        epochs=3,
        batch_size=16,
        seed=5,
    )
    assert found[-1].accuracy[-1] == pytest.approx(accuracy(tuned.model, colours.images, colours.labels))


def trial_rows(task, per_class, seed):
    from cnnlab.transfer.learning_curves import sample_per_class

    return sample_per_class(task.labels, len(task.classes), per_class, seed)


def test_frames_are_blue_where_the_answer_is_right(colours):
    wrong = colours.test_labels.clone()
    wrong[1] = 0
    boxes, captions = prediction_frames(colours, wrong, 16)
    assert [box["colour"] for box in boxes[:3]] == [RIGHT, WRONG, RIGHT]
    assert captions[0] == "red: right" and captions[1] == "green: called red"


def test_the_figure_names_each_trial(colours):
    plans = RunConfig("pool1", True, 4, 2, 0), RunConfig(None, True, 4, 2, 0)
    ends = [list(training_steps(Small().eval(), "small", colours, plan))[-1] for plan in plans]
    figure = runs_figure(ends, 0.5)
    assert "small: up to pool1, frozen; 4 a class; small: nothing kept; 4 a class" in figure.alt_text
    assert len(figure.axes[0].lines) == 3
    with pytest.raises(ValueError, match="at least one trial"):
        runs_figure([], 0.5)


def test_earlier_trials_of_the_same_classes_stay_beside(explorer):
    explorer.clear_button.click()
    explorer.random_seed.value = 11
    explorer.random_seed.value = 12
    assert explorer.current_run.config == explorer.config and explorer.config.label in explorer.curves.alt
    assert [one.config.seed for one in explorer.runs][-1] == 11
    explorer.task.value = "handwritten digits"
    assert not explorer.runs and explorer.current_run.task == "handwritten digits"


def test_another_network_starts_from_what_it_knows(explorer):
    before = explorer.current_run
    explorer.network.value = dict(explorer.network.options)["other"]
    assert explorer.current_run is not before and explorer.error is None


def test_the_code_gives_the_accuracy_that_is_shown(explorer):
    assert float(ran(explorer)[1]) == pytest.approx(explorer.current_run.accuracy[-1])


def test_without_live_nothing_is_trained_until_asked(explorer):
    explorer.auto_run.value = False
    before = explorer.current_run
    explorer.epochs.value = 4
    assert explorer.current_run is before
    explorer.run_button.click()
    assert explorer.current_run.config.epochs == 4
    explorer.auto_run.value = True


def test_what_cannot_be_kept_or_asked_is_said():
    with pytest.raises(ValueError, match="nothing can be kept"):
        TransferExplorer(nn.Sequential(nn.Flatten(), nn.Linear(768, 2)).eval())
    with pytest.raises(ValueError, match='task "cooking" is not offered'):
        TransferExplorer(Small().eval(), task="cooking")


def test_a_network_without_normalisation_is_trained_at_a_lower_rate():
    """At 0.03, squeezenet's loss is not finite after three epochs."""
    assert learning_rate(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))) == 0.03
    assert learning_rate(Small()) == 0.005
