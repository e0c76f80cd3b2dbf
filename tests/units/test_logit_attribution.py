"""Which classes a unit feeds: weights where all is linear behind it, gradient times activation elsewhere, and the true fall."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from unchanged import state

from cnnlab.networks import activations, record_activations
from cnnlab.units import ablate, logit_attribution, silenced_falls, vector_attribution


@pytest.fixture
def linear_tail() -> nn.Module:
    """A convolution, a ReLU, the mean over positions, and a linear layer: as most networks end."""
    model = nn.Sequential()
    parts = {"conv": nn.Conv2d(3, 6, 3), "relu": nn.ReLU(), "pool": nn.AdaptiveAvgPool2d(1)}
    for name, module in (parts | {"flatten": nn.Flatten(), "fc": nn.Linear(6, 4)}).items():
        model.add_module(name, module)
    model.input_size = 12
    chance = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(torch.randn(weights.shape, generator=chance))
    return model.double().eval()


def images(side: int) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


def test_behind_the_last_layer_it_is_weight_times_activation_and_the_true_fall(linear_tail):
    pictures = images(12)
    pooled = activations(linear_tail, pictures, "relu")["relu"].mean((2, 3))
    for unit in range(6):
        expected = pooled[:, unit, None] * linear_tail.fc.weight[:, unit]
        assert torch.allclose(logit_attribution(linear_tail, pictures, "relu", unit), expected)
        assert torch.allclose(silenced_falls(linear_tail, pictures, "relu", unit), expected)
    whole = sum(logit_attribution(linear_tail, pictures, "relu", unit) for unit in range(6))
    assert torch.allclose(whole + linear_tail.fc.bias, linear_tail(pictures)), "shares add up to the logit"


def test_elsewhere_it_is_activation_times_the_gradient_of_every_logit(tiny):
    pictures = images(20)
    tiny.eval()
    with record_activations(tiny, "relu1") as recorded:
        logits = tiny(pictures.requires_grad_())
    rows = [torch.autograd.grad(row.sum(), recorded["relu1"], retain_graph=True)[0] for row in logits.T]
    for unit in (0, 4):
        expected = torch.stack([(row * recorded["relu1"])[:, unit].sum((1, 2)) for row in rows], 1)
        assert torch.allclose(logit_attribution(tiny, pictures.detach(), "relu1", unit), expected)


def test_the_fall_is_that_of_ablation_and_the_network_stays_as_it_was(tiny):
    before, pictures = state(tiny), images(20)
    falls = silenced_falls(tiny, pictures, "relu1", 3)
    single = logit_attribution(tiny, pictures[0], "relu1", 3)
    assert single.shape == (4,) and torch.allclose(falls[0], silenced_falls(tiny, pictures[0], "relu1", 3))
    assert state(tiny)[:2] == before[:2]
    tiny.eval()
    with ablate(tiny, "relu1", 3), torch.no_grad():
        expected = tiny(pictures)
    assert torch.allclose(tiny(pictures) - expected, falls)


def test_a_vector_feeds_what_the_weights_say(linear_tail):
    vectors = torch.rand(40, 6, dtype=torch.float64)
    found = vector_attribution(linear_tail, "relu", vectors)
    assert torch.allclose(found, vectors @ linear_tail.fc.weight.T)
    assert torch.allclose(vector_attribution(linear_tail, "relu", vectors[3]), found[3])
    with pytest.raises(ValueError, match="6 units, but the vectors have 5"):
        vector_attribution(linear_tail, "relu", vectors[:, :5])
    with pytest.raises(ValueError, match="unit must"):
        logit_attribution(linear_tail, images(12), "relu", 6)


def test_no_vectors_are_no_question(linear_tail):
    for vectors in (torch.rand(0, 4), torch.rand(2, 4, 3)):
        with pytest.raises(ValueError, match="vectors must be M x U, one or more"):
            vector_attribution(linear_tail, "conv", vectors, 8)
