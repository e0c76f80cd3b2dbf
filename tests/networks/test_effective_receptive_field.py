"""The field that gradients find is the one that arithmetic gives, and inside it most lies in the middle."""

import pytest
import torch
from torch import nn

from cnnlab.networks import (
    MiniAlexNet,
    MiniResNet,
    effective_receptive_field,
    nonzero_box,
    receptive_field,
    reinitialise,
)


def noise(count, side):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("layer", "row", "column"), [("conv1", 20, 7), ("conv2", 0, 0), ("conv2", 11, 23), ("conv3", 5, 6)]
)
def test_arithmetic_and_gradients_find_the_same_box(layer, row, column, lively):
    model = lively(MiniAlexNet(["a", "b"])).double()
    result = effective_receptive_field(model, layer, noise(4, 96), row=row, column=column)
    assert nonzero_box(result) == receptive_field(model, layer).box(row, column)


def test_a_residual_network_too(lively):
    model = lively(MiniResNet(["a", "b"])).double()
    result = effective_receptive_field(model, "layer1.0.conv2", noise(4, 96), row=9, column=15)
    assert nonzero_box(result) == receptive_field(model, "layer1.0.conv2").box(9, 15)


def test_a_linear_layer_gives_its_own_weights():
    """With one unit the field is |r| times the size of the kernel's weights, where the kernel lies."""
    model = nn.Sequential(nn.Conv2d(3, 1, 3, padding=1)).double()
    generator = torch.randn(1, generator=torch.Generator().manual_seed(0)).abs().double()
    result = effective_receptive_field(model, "0", noise(2, 7), row=3, column=2)
    expected = torch.zeros(7, 7, dtype=torch.float64)
    expected[2:5, 1:4] = generator * model[0].weight.detach().abs().sum((0, 1))
    assert torch.allclose(result, expected)


def test_the_middle_of_the_field_counts_most(lively):
    model = lively(nn.Sequential(*(nn.Conv2d(3 if i == 0 else 8, 8, 3) for i in range(7))))
    result = effective_receptive_field(model, "6", noise(4, 15))
    assert result.shape == (15, 15) and nonzero_box(result) == (0, 0, 15, 15)
    assert result[4:11, 4:11].sum() > 2 * (49 / 225) * result.sum()


def test_a_fully_connected_layer_has_the_place_0_0(lively):
    model = lively(nn.Sequential(nn.Flatten(), nn.Linear(75, 4)))
    assert nonzero_box(effective_receptive_field(model, "1", noise(1, 5))) == (0, 0, 5, 5)
    with pytest.raises(ValueError, match="row must be a whole number between 0 and 0"):
        effective_receptive_field(model, "1", noise(1, 5), row=1)


def test_an_empty_field_has_an_empty_box():
    assert nonzero_box(torch.zeros(4, 4)) == (0, 0, 0, 0)


def test_an_untrained_network_is_another_one_and_the_same_for_a_seed(lively):
    model = lively(MiniResNet(["a", "b"]))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    first, second, third = reinitialise(model), reinitialise(model), reinitialise(model, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
    assert not torch.equal(first.conv1.weight, model.conv1.weight)
    assert not torch.equal(first.conv1.weight, third.conv1.weight)
    assert not first.training and first.class_names == model.class_names
