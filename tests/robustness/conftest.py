"""Small networks to break, and pictures for them."""

from __future__ import annotations

import pytest
import torch
from enlivening import enliven
from torch import Tensor, nn


class Counting(nn.Module):
    """Another network, with a count of the pictures that went forwards and of the backward passes that reached them."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.forwards, self.pictures, self.backwards = model, 0, 0, 0

    def forward(self, images: Tensor) -> Tensor:
        self.forwards += 1
        self.pictures += len(images)
        if images.requires_grad:
            images.register_hook(self._count_backward)
        return self.model(images)

    def _count_backward(self, _gradient: Tensor) -> None:
        self.backwards += 1


def small_network(seed: int = 0) -> nn.Module:
    network = nn.Sequential(
        *(nn.Conv2d(3, 6, 5, 2, 2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(8 * 16, 5)),
    )
    network.class_names, network.input_size = ("sheep", "goat", "wolf", "husky", "bird"), 16
    return enliven(network, seed).eval()


@pytest.fixture
def network() -> nn.Module:
    """Convolutions, batch normalisation, pooling and dropout for pictures of 16 x 16; five classes, float32."""
    return small_network()


@pytest.fixture
def other_network() -> nn.Module:
    """Of the same architecture, with other weights."""
    return small_network(seed=1)


@pytest.fixture
def counting(network) -> Counting:
    return Counting(network)


@pytest.fixture
def linear() -> nn.Module:
    """Two classes, z = W x + b, for pictures of 6 x 6, float64."""
    return enliven(nn.Sequential(nn.Flatten(), nn.Linear(3 * 36, 2))).double().eval()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def middling() -> Tensor:
    """Pictures of 6 x 6 that no small change brings out of [0, 1], float64."""
    return torch.rand(8, 3, 6, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 0.4 + 0.3


@pytest.fixture
def labels(network, images) -> Tensor:
    """What the network says."""
    with torch.no_grad():
        return network(images).argmax(1)
