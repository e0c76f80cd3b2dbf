"""A new task is new for the network that is asked, and keeps what is learnt from apart from what is tried."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab import world
from cnnlab.transfer import new_task, tasks_for


def network_for(*names):
    model = nn.Identity()
    model.class_names = tuple(names)
    return model


HALF = network_for(*world.OBJECTS[::2])


@pytest.mark.parametrize(
    ("model", "tasks"),
    [
        (HALF, ["new classes", "scenes", "drawn pictures", "handwritten digits"]),
        (network_for(*world.OBJECTS), ["scenes", "drawn pictures", "handwritten digits"]),
        (network_for(*world.SCENES), ["new classes", "drawn pictures", "handwritten digits"]),
        (network_for("dog", "cat"), ["new classes", "scenes", "handwritten digits"]),
    ],
)
def test_only_what_is_new_is_offered(model, tasks):
    assert tasks_for(model) == tasks


@pytest.mark.parametrize("name", tasks_for(HALF))
def test_pictures_fit_their_labels(name):
    task = new_task(name, HALF, n=20, test_n=10)
    assert task.images.shape == (20, 3, 96, 96) and task.test_images.shape == (10, 3, 96, 96)
    assert task.images.dtype == torch.uint8
    assert task.labels.max() < len(task.classes) and task.labels.shape == (20,)
    assert not any(torch.equal(single, other) for single in task.test_images for other in task.images)


def test_new_classes_are_unknown_and_drawn_ones_known():
    assert new_task("new classes", HALF, n=10, test_n=10).classes == tuple(world.OBJECTS[1::2])
    sampled = new_task("drawn pictures", HALF, n=10, test_n=10)
    rendered = world.dataset("train", n=10, classes=HALF.class_names, progress=False)
    assert sampled.classes == HALF.class_names and torch.equal(sampled.labels, rendered.labels)
    assert not torch.equal(sampled.images, rendered.images)
    scenes = new_task("drawn pictures", network_for(*world.SCENES), n=10, test_n=10)
    assert scenes.classes == world.SCENES


def test_digits_are_enlarged_not_changed():
    task = new_task("handwritten digits", HALF, n=10, test_n=10)
    assert task.labels.tolist() == list(range(10)) and task.images.max() > 200


def test_a_task_that_is_not_new_is_refused():
    with pytest.raises(ValueError, match="new classes"):
        new_task("new classes", network_for(*world.OBJECTS))
