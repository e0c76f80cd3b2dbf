"""Direction, caricature and diversity: closed forms, finite differences, optima of linear networks, and values that rise."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlab.networks import activations
from cnnlab.synthesis import caricature, channel, direction, diversity, gram_matrix, maximise
from cnnlab.synthesis.early_exit import reader


def value(model, objective, images):
    return objective.score(model, reader(model, objective.layers, (16, 16))(images))


def test_the_values_are_those_of_their_formulas(network, images):
    maps = activations(network, images, "conv2")["conv2"]
    weights = torch.randn(3, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = []
    for picture, w in zip(maps, weights, strict=True):
        scores = []
        for at in picture.flatten(1).T:
            cosine = float(at @ w / (at.norm() * w.norm()))
            scores.append(float(at @ w) * max(0.1, cosine) ** 2)
        expected.append(sum(scores) / len(scores))
    found = value(network, direction("conv2", weights, cosine_power=2), images)
    assert found.tolist() == pytest.approx(expected)
    grams = [gram_matrix(one).flatten() for one in maps]
    alike = torch.stack([torch.stack([F.cosine_similarity(a, b, dim=0) for a in grams]) for b in grams])
    off = (alike.sum(1) - 1) / 2
    assert torch.allclose(value(network, diversity("conv2"), images), -off)
    assert value(network, diversity("conv2"), images[:1]).tolist() == [0.0]


def test_a_caricature_of_a_picture_is_best_along_its_own_activations(network, images):
    maps = activations(network, images, "conv2")["conv2"]
    own, other = value(network, caricature("conv2", maps[0]), images[[0, 1]])
    length = maps[0].square().sum(0).mean().sqrt()
    assert own.item() == pytest.approx(length.item()) and own > other
    of_another_size = F.interpolate(maps[:1], size=3)[0]
    assert value(network, caricature("conv2", of_another_size), images).shape == (3,)


@pytest.mark.parametrize("power", [0.0, 2.0])
def test_their_gradients_are_those_of_finite_differences(network, images, slope, power):
    weights = torch.randn(8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    picture = images[:2, :, :5, :5].clone()
    for objective in (direction("conv2", weights, power), 0.5 * diversity("conv1") + channel("conv1", 2)):
        read = reader(network, objective.layers, (16, 16))

        def score(at, read=read, objective=objective):
            return objective.score(network, read(at)).sum()

        at = picture.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(score(at), at)
        expected = slope(lambda moved: float(score(moved).detach()), picture)
        assert torch.allclose(gradient, expected, atol=1e-5)


class Linear(nn.Module):
    """One 1 x 1 convolution: the activations are linear in the colours."""

    input_size = 4

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([[2.0, 0, 0], [0, 1, 0], [0, 0, 0.5]])[..., None, None])

    def forward(self, images):
        return self.conv(images).mean((2, 3))


def test_the_optimum_along_a_direction_of_a_linear_network_is_known():
    """With the penalty l2 |x - 0.5|^2 it is x = 0.5 + W^T w / (2 l2 positions)."""
    w, l2 = torch.tensor([0.1, -0.2, 0.2]), 0.05
    found = maximise(
        Linear(), direction("conv", w), parametrisation="pixels", steps=300, learning_rate=0.01,
        jitter=0, zoom=0, rotate=0, tv=0, l2=l2, ramp=0, start="zero",
    )  # fmt: skip
    expected = 0.5 + torch.tensor([2.0, 1, 0.5]) * w / (2 * l2 * 16)
    assert torch.allclose(found.images[0].mean((1, 2)), expected, atol=1e-3)


def test_the_cosine_keeps_other_channels_out():
    """Without a penalty the dot product makes every helpful colour full; the cosine stops where activations lie along w."""
    w = torch.tensor([1.0, 1, 0])
    still = {"parametrisation": "pixels", "jitter": 0, "zoom": 0, "rotate": 0, "tv": 0, "l2": 0}
    plain = maximise(Linear(), direction("conv", w), steps=60, **still).images
    pure = maximise(Linear(), direction("conv", w, cosine_power=8), steps=300, start="zero", **still).images
    along = activations(Linear(), torch.cat([plain, pure]), "conv")["conv"].mean((2, 3))
    cosine = F.cosine_similarity(along, w[None], dim=1)
    assert cosine[1] > 0.98 and cosine[1] > cosine[0] + 0.03


def test_values_rise_and_seeds_repeat(network):
    objective = channel("conv2", 3) + 0.2 * diversity("conv1")
    found = maximise(network, objective, restarts=3, steps=30, jitter=1, seed=5)
    assert found.images.shape[0] == 3
    assert (found.scores[-5:].mean(0) > found.scores[:5].mean(0)).all()
    assert torch.equal(
        found.images, maximise(network, objective, restarts=3, steps=30, jitter=1, seed=5).images
    )
    alone = maximise(network, channel("conv2", 3), restarts=3, steps=30, jitter=1, seed=5)
    spread = value(network, diversity("conv1"), found.images.double()).mean()
    assert spread > value(network, diversity("conv1"), alone.images.double()).mean()


def test_wrong_directions_are_refused(network, images):
    with pytest.raises(ValueError, match="8 channels, but weights are for 7"):
        value(network, direction("conv2", torch.ones(7)), images)
    with pytest.raises(ValueError, match="K x C x h x w"):
        direction("conv2", torch.ones(2, 3, 4))
    with pytest.raises(ValueError, match="cosine_power"):
        direction("conv2", torch.ones(8), -1)
    for empty in (torch.full((8,), torch.nan), torch.ones(0, 8)):
        with pytest.raises(ValueError, match="finite numbers, one or more"):
            direction("conv2", empty)
    with pytest.raises(ValueError, match="one picture"):
        caricature("conv2", torch.ones(8))
