"""A small network, pictures for it, and vectors with classes, all from seeds."""

from __future__ import annotations

import pytest
import torch
from torch import nn


@pytest.fixture
def tiny() -> nn.Module:
    """A convolution, batch statistics that are not trivial, dropout and a head, in float64; left in training mode."""
    generator = torch.Generator().manual_seed(1)
    model = nn.Sequential()
    model.input_size = 12
    model.add_module("conv", nn.Conv2d(3, 4, 3, padding=1))
    model.add_module("norm", nn.BatchNorm2d(4))
    model.add_module("relu", nn.ReLU(inplace=True))
    model.add_module("pool", nn.MaxPool2d(2))
    model.add_module("flatten", nn.Flatten())
    model.add_module("drop", nn.Dropout(0.5))
    model.add_module("fc", nn.Linear(4 * 36, 5))
    for module in (model.conv, model.fc):
        nn.init.kaiming_normal_(module.weight, generator=generator)
    model.norm.running_mean.uniform_(-0.3, 0.3, generator=generator)
    model.norm.running_var.uniform_(0.5, 2.0, generator=generator)
    return model.double().train()


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(11, 3, 12, 12, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def vectors() -> torch.Tensor:
    """60 x 8 floats in three overlapping classes, number i in class i mod 3."""
    generator = torch.Generator().manual_seed(3)
    middles = 1.2 * torch.randn(3, 8, generator=generator, dtype=torch.float64)
    spread = torch.linspace(0.3, 2, 8, dtype=torch.float64)
    noise = torch.randn(60, 8, generator=generator, dtype=torch.float64) * spread
    return middles[torch.arange(60) % 3] + noise + 5


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.arange(60) % 3
