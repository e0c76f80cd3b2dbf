"""What a network's work is, and what explorers make of it: less of what takes long, and something to see at once."""

from __future__ import annotations

import asyncio

import pytest
import torch
from explorers.small_network import Small
from torch import nn
from torchvision.models import VisionTransformer

import cnnlab
from cnnlab import world
from cnnlab.explorers import (
    ActivationExplorer,
    DeepDreamExplorer,
    DissectionExplorer,
    EmbeddingExplorer,
    InversionExplorer,
    NearestNeighboursExplorer,
    PatchExplorer,
    RetrievalExplorer,
    StyleTransferExplorer,
    TransferExplorer,
    effort,
)
from cnnlab.explorers.activation_store import first_images
from cnnlab.networks import summary
from cnnlab.networks.eval_mode import input_side


@pytest.fixture(scope="module")
def pictures():
    return first_images(world.dataset("validation", n=120, progress=False), 120)


def test_work_is_multiply_adds_and_two_for_each_weight():
    small = Small()
    weights = sum(p.numel() for p in small.parameters())
    assert effort.work(small, 96) == summary(small).multiply_adds + 2 * weights
    assert effort.work(small, 64) == 0, "it does not take pictures of 64 x 64"


@pytest.mark.parametrize("name", [name for name, known in cnnlab.available().items() if known.ready])
def test_the_networks_of_the_kit_look_at_as_many_pictures_as_ever(name, pictures):
    model = cnnlab.load(name)
    side = input_side(model)
    assert effort.is_large(model, side) == (side >= 160)
    assert effort.within_reach(model, side, 60) == 60
    assert pictures.within_reach(model, side) == (100 if side >= 160 else 120)


@pytest.mark.parametrize(
    ("millions", "large", "count"), [(90, False, 120), (110, True, 100), (400, True, 50)]
)
def test_a_network_with_more_work_looks_at_fewer_pictures(pictures, millions, large, count):
    model = Small()
    model.conv1.many = nn.Parameter(torch.zeros(1).expand(millions * 1_000_000))
    assert effort.is_large(model, 96) is large
    chosen = pictures.fitting(model, 96)
    assert len(chosen) == count and torch.equal(chosen.images, pictures.images[:count])
    assert torch.equal(chosen.source.maps("colour"), pictures.source.maps("colour")[:count])


def test_a_large_network_shows_the_pictures_before_it_has_learnt_them(monkeypatch):
    model = Small(class_names=tuple(world.OBJECTS[::2]))
    monkeypatch.setattr(effort, "LARGE_WORK", 0)
    monkeypatch.setattr(effort, "FULL_WORK", effort.work(model, 96) / 4)

    async def scene():
        explorer = TransferExplorer(model)
        assert explorer.current_run is None and explorer.background.running
        assert "learns" in explorer.status.value and explorer.grid.tiles["count"] == 20
        assert explorer.per_class.value == 1 and explorer.config.batch_size == 4
        assert explorer.epochs.value == 2
        assert len(explorer.data.test_images) == 20
        assert "(20 of 60 pictures, since this network is large.)" in explorer.status.value
        assert len(explorer.static_preview()) > 1000 and "batch_size=4" in explorer.code()
        while explorer.current_run is None:
            await asyncio.sleep(0.01)
        explorer.background.stop()
        assert explorer.error is None and explorer.grid.boxes

    asyncio.run(scene())


OF_SETS = {
    ActivationExplorer: 240,
    DissectionExplorer: 240,
    EmbeddingExplorer: 300,
    NearestNeighboursExplorer: 300,
    PatchExplorer: 240,
    RetrievalExplorer: 200,
}


@pytest.mark.parametrize("kind", OF_SETS)
def test_the_status_line_says_when_a_large_network_looks_at_fewer_pictures(kind, monkeypatch):
    told = "pictures, since this network is large.)"
    model = Small(class_names=tuple(world.OBJECTS))
    explorer = kind(model)
    assert explorer.error is None and told not in explorer.status.value
    monkeypatch.setattr(effort, "LARGE_WORK", 0)
    monkeypatch.setattr(effort, "FULL_WORK", effort.work(model, 96) / 4)
    explorer = kind(model)
    count, usual = explorer.looks_at()
    assert explorer.error is None and count < usual == OF_SETS[kind]
    assert f"({count} of {usual} {told}" in explorer.status.value


OF_PICTURES = {
    DeepDreamExplorer: {"steps": 2},
    DissectionExplorer: {"pictures": world.dataset("validation", n=24, progress=False)},
    InversionExplorer: {"steps": 8},
    StyleTransferExplorer: {"steps": 4},
}


@pytest.mark.parametrize("kind", OF_PICTURES)
def test_a_network_of_one_size_gets_pictures_of_its_size(kind):
    options = {"patch_size": 8, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VisionTransformer(image_size=32, num_classes=3, **options).eval()
        nn.init.normal_(model.conv_proj.weight)
    model.class_names, model.input_size = ("sheep", "goat", "wolf"), 32
    explorer = kind(model, **OF_PICTURES[kind])
    assert explorer.error is None and len(explorer.static_preview()) > 1000
    if kind is DissectionExplorer:
        assert explorer.report is not None and explorer.image_set.images.shape[-1] == 32
    else:
        assert explorer.player.frames[-1].images.shape[-1] == 32


def test_pictures_are_never_made_larger_than_the_input_of_a_large_network(monkeypatch):
    monkeypatch.setattr(effort, "LARGE_WORK", 0)
    explorer = InversionExplorer(Small(), steps=8)
    assert explorer.is_large and explorer.player.frames[-1].images.shape[-1] == 96
