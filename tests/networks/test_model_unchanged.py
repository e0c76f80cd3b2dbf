"""Recording leaves a network as it was, and so do questions about layers that it does not have.

That every public function leaves it as it was is tested in `test_hostile_networks.py`.
"""

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from unchanged import state

from cnnlab.networks import (
    activations,
    receptive_field,
    record_activations,
    resolve_layer,
)


class Crowded(nn.Module):
    """Small, with all that could be lost: mixed modes, in-place ReLUs, frozen weights, gradients, hooks of others."""

    input_size = 12

    def __init__(self, *, broken):
        super().__init__()
        self.broken = broken
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Dropout(0.5))
        self.head = nn.Linear(4, 2)

    def forward(self, images):
        maps = self.relu(self.norm(self.conv(images)))
        maps = maps + self.block(maps)
        if self.broken:
            raise self.broken
        return self.head(maps.mean((2, 3)))


@pytest.fixture
def model(lively, request):
    network = lively(Crowded(broken=None)).train()
    network(torch.rand(2, 3, 12, 12)).sum().backward()
    network.norm.eval()
    network.block[0].eval()
    network.conv.weight.requires_grad_(False)
    network.head.bias.grad = None
    network.relu.register_forward_hook(lambda *_: None)
    network.block.register_forward_pre_hook(lambda *_: None)
    network.conv.register_full_backward_hook(lambda *_: None)
    network.broken = request.param
    return network


def picture():
    return torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("model", [None, RuntimeError("broken")], indirect=True, ids=repr)
def test_recording_leaves_the_model_alone(model):
    model.eval()  # the forward pass is the caller's own here, and so is the mode in which it runs
    before = state(model)
    expectation = pytest.raises(RuntimeError, match="broken") if model.broken else nullcontext()
    with expectation, record_activations(model, ["conv", "block.1"]):
        model(picture()[None])
    assert state(model) == before


@pytest.mark.parametrize("model", [None], indirect=True, ids=["sound"])
def test_the_callers_pictures_are_left_alone(model):
    mine = picture().requires_grad_()
    before = mine.detach().clone()
    activations(model, mine, "conv")
    assert torch.equal(mine, before) and mine.grad is None and mine.requires_grad


@pytest.mark.parametrize("model", [None], indirect=True, ids=["sound"])
def test_wrong_names_leave_the_model_alone(model):
    before = state(model)
    for ask in (receptive_field, resolve_layer, lambda m, layer: activations(m, picture(), ["conv", layer])):
        with pytest.raises(ValueError, match='layer "conv9" is not in Crowded'):
            ask(model, "conv9")
    assert state(model) == before
