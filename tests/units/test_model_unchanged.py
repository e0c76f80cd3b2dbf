"""Whatever is asked of a network's units, it comes back as it was: also when its forward pass raises."""

from __future__ import annotations

import pytest
import torch

from cnnlab.units import (
    ablate_each,
    compare_directions,
    dissect,
    filters,
    random_directions,
    top_along_direction,
    top_patches,
)


def state(model):
    """All that a caller could find changed."""
    modules = [(m.training, getattr(m, "inplace", None), len(m._forward_hooks)) for m in model.modules()]
    parameters = [
        (p.requires_grad, p.tolist(), None if p.grad is None else p.grad.tolist()) for p in model.parameters()
    ]
    surroundings = torch.is_grad_enabled(), torch.get_rng_state().tolist()
    return modules, parameters, [b.tolist() for b in model.buffers()], surroundings


QUESTIONS = {
    "filters": lambda model, data: filters(model, "fc3"),
    "top_patches": lambda model, data: top_patches(model, data, k=2),
    "top_along_direction": lambda model, data: top_along_direction(
        model, data, "conv1", random_directions(6, 2), k=2
    ),
    "compare_directions": lambda model, data: compare_directions(model, data, "relu1", k=3, draws=2),
    "dissect": lambda model, data: dissect(model, data, categories=["part"], min_pictures=1),
    "silencing": lambda model, data: ablate_each(model, data, "relu1", [1]),
}


@pytest.fixture
def used(tiny):
    """Mixed modes, frozen weights and gradients, all of which could be lost."""
    tiny(torch.rand(4, 3, 20, 20).double()).sum().backward()
    tiny.norm1.eval()
    tiny.conv2.weight.requires_grad_(False)
    return tiny


@pytest.mark.parametrize("question", QUESTIONS)
def test_model_is_left_alone(used, pictures, question):
    before = state(used)
    QUESTIONS[question](used, pictures)
    assert state(used) == before


@pytest.mark.parametrize("question", QUESTIONS)
def test_model_is_left_alone_when_its_forward_pass_raises(used, pictures, question):
    used.relu2.forward = lambda _: (_ for _ in ()).throw(RuntimeError("broken"))
    before = state(used)
    with pytest.raises(RuntimeError, match="broken"):
        QUESTIONS[question](used, pictures)
    assert state(used) == before
