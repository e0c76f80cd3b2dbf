"""Small networks to optimise pictures through."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn


def enliven(model: nn.Module, seed: int = 0) -> nn.Module:
    """Kaiming weights and batch statistics that do something; float64, eval mode."""
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, generator=chance)
                module.bias.uniform_(-0.1, 0.1, generator=chance)
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5, generator=chance)
                module.bias.uniform_(-0.2, 0.2, generator=chance)
                module.running_mean.uniform_(-0.3, 0.3, generator=chance)
                module.running_var.uniform_(0.5, 2.0, generator=chance)
    return model.double().eval()


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
    return enliven(Small())


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def slope(function, at: Tensor, step: float = 1e-6) -> Tensor:
    """The gradient of a number with respect to `at`, by central differences, entry by entry."""
    found = torch.zeros_like(at)
    for place in torch.cartesian_prod(*map(torch.arange, at.shape)).tolist():
        up, down = at.clone(), at.clone()
        up[tuple(place)] += step
        down[tuple(place)] -= step
        found[tuple(place)] = (function(up) - function(down)) / (2 * step)
    return found


@pytest.fixture(name="slope")
def slope_fixture():
    return slope
