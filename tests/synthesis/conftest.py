"""Small networks to optimise pictures through."""

from __future__ import annotations

import pytest
import torch
from enlivening import enliven
from torch import Tensor, nn


class Small(nn.Module):
    """Two convolutions, one ReLU for both, a hidden layer and a head that wants pictures of 16 x 16; it counts how deep it went."""

    input_size = 16
    class_names = ("sheep", "goat", "wolf", "husky", "bird")

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.conv2, self.pool = nn.Conv2d(6, 8, 3, 2, 1), nn.MaxPool2d(2)
        self.relu, self.drop = nn.ReLU(inplace=True), nn.Dropout(0.5)
        self.head = nn.Linear(8 * 16, 5)
        self.finished, self.broken = 0, None

    def forward(self, images: Tensor) -> Tensor:
        maps = self.relu(self.norm1(self.conv1(images)))
        maps = self.relu(self.conv2(maps))
        if self.broken:
            raise self.broken
        logits = self.head(self.drop(self.pool(maps)).flatten(1))
        self.finished += 1
        return logits


@pytest.fixture
def network() -> nn.Module:
    return enliven(Small()).double().eval()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def slope(function, at: Tensor, step: float = 1e-6) -> Tensor:
    """The gradient of a number with respect to `at`, by central differences, entry by entry."""
    result = torch.zeros_like(at)
    for position in torch.cartesian_prod(*map(torch.arange, at.shape)).tolist():
        up, down = at.clone(), at.clone()
        up[tuple(position)] += step
        down[tuple(position)] -= step
        result[tuple(position)] = (function(up) - function(down)) / (2 * step)
    return result


@pytest.fixture(name="slope")
def slope_fixture():
    return slope
