"""Whatever is asked of a network, it comes back as it was: also when its forward pass raises.

New functions that take a model get a line in `QUESTIONS`.
"""

import pytest
import torch
from torch import nn

from cnnlab.networks import (
    activations,
    effective_receptive_field,
    layer_names,
    receptive_field,
    record_activations,
    reinitialise,
    resolve_layer,
    summary,
)
from cnnlab.networks.forward import forward, input_gradient, with_gradients


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


def state(model):
    """All that a caller could find changed."""
    modules = {
        path: (
            module.training,
            getattr(module, "inplace", None),
            [list(hooks) for name, hooks in sorted(vars(module).items()) if name.endswith("_hooks")],
            sorted(vars(module)),
        )
        for path, module in model.named_modules()
    }
    parameters = {
        name: (id(p), p.requires_grad, p.tolist(), None if p.grad is None else (id(p.grad), p.grad.tolist()))
        for name, p in model.named_parameters()
    }
    buffers = {name: (id(buffer), buffer.tolist()) for name, buffer in model.named_buffers()}
    surroundings = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_rng_state().tolist()
    return modules, parameters, buffers, surroundings


def picture():
    return torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(2))


def record(model):
    with record_activations(model, ["conv", "block.1"]):
        model(picture()[None])


def differentiate(model):
    with with_gradients(model):
        pixels = picture()[None].requires_grad_()
        input_gradient(forward(model, pixels).flatten(1).sum(1), pixels)


# What is asked, and whether it needs a forward pass that succeeds.
QUESTIONS = {
    "layer_names": (layer_names, False),
    "resolve_layer": (lambda model: resolve_layer(model, "block.1"), False),
    "with_gradients": (differentiate, True),
    "activations": (lambda model: activations(model, picture(), ["conv", "relu", "head"]), True),
    "summary": (summary, True),
    "receptive_field": (lambda model: receptive_field(model, "block.0"), True),
    "effective_field": (lambda model: effective_receptive_field(model, "block.0", picture()), True),
    "untrained": (reinitialise, False),
}

ask_all = pytest.mark.parametrize("question", QUESTIONS)


@ask_all
@pytest.mark.parametrize("model", [None], indirect=True, ids=["sound"])
def test_model_is_left_alone(model, question):
    before = state(model)
    QUESTIONS[question][0](model)
    assert state(model) == before


@ask_all
@pytest.mark.parametrize(
    "model", [RuntimeError("broken"), KeyError("broken"), KeyboardInterrupt()], indirect=True, ids=repr
)
def test_model_is_left_alone_when_its_forward_pass_raises(model, question):
    before = state(model)
    ask, needs_forward = QUESTIONS[question]
    if needs_forward or isinstance(model.broken, KeyboardInterrupt) and question == "layer_names":
        with pytest.raises((type(model.broken), ValueError)):
            ask(model)
    else:
        ask(model)
    assert state(model) == before


@pytest.mark.parametrize("model", [None, RuntimeError("broken")], indirect=True, ids=repr)
def test_recording_leaves_the_model_alone(model):
    model.eval()  # the forward pass is the caller's own here, and so is the mode in which it runs
    before = state(model)
    if model.broken:
        with pytest.raises(RuntimeError, match="broken"):
            record(model)
    else:
        record(model)
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
