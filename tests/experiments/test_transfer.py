"""The cells of the transfer experiments are those of the techniques, on the pictures that they say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab import world
from cnnlab.experiments import transfer
from cnnlab.experiments.transfer import (
    domain_task,
    images_of_classes,
    measure_domains,
    measure_examples,
    measure_halves,
)
from cnnlab.features import extract_features, linear_probe
from cnnlab.networks import load
from cnnlab.transfer import accuracy, accuracy_by_examples, transferability_experiment

HALF = tuple(world.OBJECTS[::2])
OTHER = tuple(world.OBJECTS[1::2])


class Little(nn.Sequential):
    """A convolution with normalisation, and a head."""

    def __init__(self, classes, seed):
        super().__init__()
        self.class_names, self.input_size = classes, 96
        self.conv1, self.norm1, self.relu1 = nn.Conv2d(3, 4, 8, 8), nn.BatchNorm2d(4), nn.ReLU()
        self.pool, self.flatten = nn.AvgPool2d(6), nn.Flatten()
        self.fc = nn.Linear(16, len(classes))
        chance = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=chance)


def keywords(options):
    """The options of a record as the keywords of the technique."""
    return {transfer.KEYWORDS.get(name, name): value for name, value in options.items()}


@pytest.fixture
def bases(monkeypatch):
    known = {"half_a": Little(HALF, 0).eval(), "half_b": Little(OTHER, 1).eval()}
    monkeypatch.setattr(transfer, "load", known.__getitem__)
    return known


def test_new_classes_are_those_that_the_source_does_not_know(bases):
    options = {"steps": 3, "batch_size": 8, "rate": 0.02, "scratch_rate": 0.05}
    found = measure_examples(2, 1, source="half_a", pictures=40, test_pictures=20, **options)
    train, test = images_of_classes("train", OTHER, 40), images_of_classes("test", OTHER, 20)
    expected = accuracy_by_examples(
        bases["half_a"], train, test, OTHER, per_class=[2], seeds=[1], **keywords(options)
    ).accuracy
    assert found == {way: pytest.approx(float(value), abs=1e-4) for way, value in expected.items()}
    assert list(found) == ["frozen", "tuned", "scratch"]


def test_domains_are_probed_on_the_layers_of_the_networks():
    options = {"size": 64, "steps": 2, "batch_size": 8, "scratch_rate": 0.05}
    found = measure_domains("digits", 2, 0, pictures=20, test_pictures=10, **options)
    assert list(found) == ["fire5", "fire7", "fire9", "lite0", "HOG", "pixels", "scratch"]
    task = domain_task("digits", 20, 10, 64)
    sets = (task.images / 255, task.test_images / 255)
    for name, network, layer in (("fire9", "squeezenet", "fire9"), ("lite0", "efficientnet_lite0", "pool")):
        train, test = (extract_features(load(network), images, layer, "mean") for images in sets)
        expected = linear_probe(train, task.labels, test, task.test_labels).accuracy
        assert found[name] == pytest.approx(expected, abs=1e-4)


def test_scenes_are_the_same_pictures_as_objects_with_other_labels():
    objects, scenes, drawn = (domain_task(name, 20, 10, 64) for name in ("objects", "scenes", "line art"))
    assert torch.equal(objects.images, scenes.images) and scenes.classes == world.SCENES
    assert drawn.classes == objects.classes and not torch.equal(drawn.images, objects.images)


def test_halves_are_tried_on_b_beside_base_b_itself(bases):
    options = {"epochs": 1, "batch_size": 8, "rate": 0.02}
    found = measure_halves("relu1", 0, pictures=20, test_pictures=20, **options)
    train, test = images_of_classes("train", OTHER, 20), images_of_classes("test", OTHER, 20)
    expected = transferability_experiment(
        bases["half_a"], bases["half_b"], train, test, layers=["relu1"], seeds=[0], **keywords(options)
    )
    assert set(found) == {"BnB", "BnB+", "AnB", "AnB+", "base"}
    for way, value in expected.accuracy.items():
        assert found[way] == pytest.approx(float(value), abs=1e-4)
    assert found["base"] == pytest.approx(accuracy(bases["half_b"], *test), abs=1e-4)
