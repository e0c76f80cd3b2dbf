"""Pictures of units: they grow, end where gradient ascent ends, and are kept under the network's weights."""

from __future__ import annotations

import pytest
import torch

from cnnlab.synthesis import channel, kept_unit_picture, unit_picture_steps, unit_pictures
from cnnlab.synthesis.early_exit import reader
from cnnlab.synthesis.unit_pictures import fingerprint


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))


SMALL = {"size": 16, "steps": 12}


def test_a_unit_is_excited_more_and_more_and_its_last_picture_is_kept(network):
    assert kept_unit_picture(network, "conv2", 3, **SMALL) is None
    grown = list(unit_picture_steps(network, "conv2", 3, **SMALL))
    objective = channel("conv2", 3)
    read = reader(network, objective.layers, (16, 16))
    first, last = (
        float(objective.score(network, read(images)).mean().detach()) for images in (grown[0], grown[-1])
    )
    assert last > first
    kept = kept_unit_picture(network, "conv2", 3, **SMALL)
    assert torch.allclose(kept, grown[-1].float(), atol=1 / 255)
    again = list(unit_picture_steps(network, "conv2", 3, **SMALL))[-1]
    assert torch.equal(again, grown[-1]), "the same seed is the same picture"
    assert kept_unit_picture(network, "conv2", 3, size=16, steps=11) is None
    with torch.no_grad():
        network.conv1.weight.add_(0.1)
    assert kept_unit_picture(network, "conv2", 3, **SMALL) is None, "other weights are another network"


def test_an_interrupted_picture_is_not_kept(network):
    steps = unit_picture_steps(network, "conv2", 3, **SMALL)
    next(steps)
    steps.close()
    assert kept_unit_picture(network, "conv2", 3, **SMALL) is None


def test_a_large_picture_begins_small(network):
    sides = [images.shape for images in unit_picture_steps(network, "conv2", 1, size=80, steps=3)]
    assert len(sides) == 4 + 4 and set(sides) == {(1, 3, 80, 80)}


def test_versions_differ_more_with_diversity(network):
    *_, versions = unit_picture_steps(network, "conv2", 1, versions=3, **SMALL)
    assert versions.shape == (3, 3, 16, 16)
    assert (versions[0] - versions[1]).abs().mean() > 0.01


def test_a_sheet_takes_what_is_kept_and_makes_the_rest(network):
    *_, first = unit_picture_steps(network, "conv2", 2, **SMALL)
    sheet = unit_pictures(network, "conv2", [0, 2], **SMALL)
    assert sheet.shape == (2, 3, 16, 16)
    assert torch.allclose(sheet[1], first[0].float(), atol=1 / 255)
    assert kept_unit_picture(network, "conv2", 0, **SMALL) is not None


def test_networks_with_the_same_weights_in_other_layers_are_told_apart():
    """A stride and an activation function have no weights."""
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU()]
    first = torch.nn.Sequential(*layers)
    found = {fingerprint(first), fingerprint(torch.nn.Sequential(layers[0], torch.nn.Tanh()))}
    layers[0].stride = (2, 2)
    assert len(found | {fingerprint(first)}) == 3


def test_a_fingerprint_is_of_the_weights(network):
    before = fingerprint(network)
    assert fingerprint(network) == before and len(before) == 16
    with torch.no_grad():
        network.norm1.running_mean.add_(1)
    changed = fingerprint(network)
    assert changed != before
    with torch.no_grad():
        network.norm1.running_mean.sub_(1)
    assert fingerprint(network) != changed
