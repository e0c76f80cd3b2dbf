"""The weights of layers in the shape of what they read."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab.networks import MiniAlexNet, activations
from cnnlab.units import FILTER_PARTS, convolution_names, filter_energy, filters


def test_the_first_convolution_is_taken_unless_said_otherwise(tiny):
    assert torch.equal(filters(tiny), tiny.conv1.weight)
    assert torch.equal(filters(tiny, "conv2"), tiny.conv2.weight)


def test_the_copy_can_be_changed_without_harm(tiny):
    before = tiny.conv1.weight.detach().clone()
    mine = filters(tiny)
    mine.zero_()
    assert torch.equal(tiny.conv1.weight, before) and not mine.requires_grad


def test_a_fully_connected_filter_times_the_maps_is_the_unit(tiny, floats):
    recorded = activations(tiny, floats, ["relu2", "fc3"])
    weights = filters(tiny, "fc3")
    assert weights.shape == (7, 5, 5, 5)
    by_hand = torch.einsum("ucyx,ncyx->nu", weights, recorded["relu2"]) + tiny.fc3.bias.detach()
    assert torch.allclose(by_hand, recorded["fc3"], atol=1e-12)


def test_a_layer_behind_a_vector_has_filters_of_one_place(tiny):
    assert filters(tiny, "fc4").shape == (4, 7, 1, 1)
    model = MiniAlexNet(["a", "b"])
    pooled = activations(model, torch.rand(3, 96, 96), "pool5")["pool5"]
    assert filters(model, "fc6").shape[1:] == pooled.shape
    assert filters(model, "fc7").shape == (*model.fc7.weight.shape, 1, 1)


def test_flattening_by_a_function_is_followed():
    class Functional(nn.Module):
        input_size = 8

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, groups=1)
            self.head = nn.Linear(4 * 36, 2)

        def forward(self, images):
            return self.head(torch.flatten(self.conv(images), 1))

    assert filters(Functional(), "head").shape == (2, 4, 6, 6)


def test_convolutions_are_named_in_the_order_in_which_they_run():
    assert convolution_names(MiniAlexNet(["a", "b"])) == [f"conv{i}" for i in range(1, 6)]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            "relu1",
            "is a ReLU, which has no filters; choose a convolution .conv1, conv2. or a fully connected",
        ),
        ("conv9", 'layer "conv9" is not in Sequential'),
    ],
)
def test_layers_without_filters_are_refused(tiny, layer, message):
    with pytest.raises(ValueError, match=message):
        filters(tiny, layer)


def test_a_network_without_convolutions_says_so():
    with pytest.raises(ValueError, match="has no convolutional layer"):
        filters(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)))


def test_a_fully_connected_layer_needs_the_size_of_the_pictures():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 2))
    with pytest.raises(ValueError, match="does not tell its input_size"):
        filters(model, "2")


def test_the_four_parts_of_a_filter_are_told_apart_and_add_up():
    edge = torch.tensor([[-1.0, 0.0, 1.0]]).expand(3, 3)
    tint = torch.tensor([1.0, 0.0, -1.0])[:, None, None]
    pure = torch.stack([torch.ones(3, 3, 3), tint.expand(3, 3, 3), edge.expand(3, 3, 3), tint * edge])
    assert torch.allclose(filter_energy(pure), torch.eye(4), atol=1e-6) and len(FILTER_PARTS) == 4
    mixed = torch.randn(50, 3, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shares = filter_energy(mixed)
    assert torch.allclose(shares.sum(1), torch.ones(50, dtype=torch.float64)) and shares.min() >= 0
    # White noise has on average as much of each part as the part has dimensions: 1, 2, 8 and 16 of 27.
    assert torch.allclose(shares.mean(0) * 27, torch.tensor([1.0, 2, 8, 16], dtype=torch.float64), atol=1.5)
    assert filter_energy(torch.zeros(1, 3, 3, 3)).tolist() == [[0, 0, 0, 0]]


def test_the_parts_of_weights_without_positions_are_refused():
    with pytest.raises(ValueError, match="N x C x k x k"):
        filter_energy(torch.zeros(3, 3, 3))
