"""Explorers open on a reader's own network, also where a technique does not apply to it, or a layer gives something else than maps."""

from __future__ import annotations

import inspect
from collections import OrderedDict

import pytest
import torch
from torch import nn

from cnnlab import explorers
from cnnlab.world import OBJECTS

NAMES = [
    name
    for name in explorers.__all__
    if name.endswith("Explorer")
    and name != "Explorer"
    and "model" in inspect.signature(getattr(explorers, name)).parameters
]


class Two(nn.Module):
    """A layer that gives two tensors."""

    def forward(self, maps):
        return maps, maps.mean()


class Own(nn.Module):
    """No ReLU, a parameter of its own, a layer with two outputs, and the size of its pictures as (3, H, W), or not said."""

    def __init__(self, size=(3, 96, 96)):
        super().__init__()
        self.class_names = tuple(OBJECTS)
        if size is not None:
            self.input_size = size
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.conv1, self.act1 = nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.GELU()
            self.two = Two()
            self.conv2, self.act2 = nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.GELU()
            self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, len(OBJECTS))
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images):
        maps = self.act2(self.conv2(self.two(self.act1(self.conv1(images)))[0]))
        return self.scale * self.fc(self.pool(maps).flatten(1))


def compiled(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend="eager")


@pytest.mark.parametrize("form", [nn.Module.eval, compiled])
@pytest.mark.parametrize("name", NAMES)
def test_an_unusual_network_opens(name, form):
    explorer = getattr(explorers, name)(form(Own()))
    assert explorer.error is None
    assert len(explorer.static_preview()) > 1000


def test_of_a_wrapped_network_the_layers_inside_are_kept():
    """As `nn.DataParallel` wraps it."""
    explorer = explorers.TransferExplorer(nn.Sequential(OrderedDict(module=Own())))
    assert explorer.error is None and explorer.layer.value == "module.conv2"
    assert len(explorer.current_run.accuracy) == explorer.epochs.value


@pytest.mark.parametrize("name", ["ActivationMaximisationExplorer", "FoolingExplorer", "GradCamExplorer"])
def test_a_network_that_does_not_say_its_size_is_shown_pictures_of_96(name):
    explorer = getattr(explorers, name)(Own(size=None))
    assert explorer.error is None
    assert explorer.side == 96


def test_saliency_names_the_methods_that_need_a_relu_and_shows_the_others():
    explorer = explorers.SaliencyExplorer(Own())
    explorer.static_preview()
    assert set(explorer.refused) == {"deconvnet", "guided backprop"}
    assert "no ReLU ran" in explorer.refused["deconvnet"]
    assert set(explorer.maps) == {"gradient", "SmoothGrad", "integrated gradients"}
    explorer.method.value = "guided backprop"
    assert "no ReLU ran" in str(explorer.error)
    explorer.method.value = "SmoothGrad"
    assert explorer.error is None
