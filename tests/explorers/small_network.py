"""A network for pictures of 96 x 96 that is quick, and whose units all fire somewhere."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Small(nn.Sequential):
    """Two convolutions and a classifier, with weights of a seed."""

    name, input_size = "small", 96

    def __init__(
        self, maps: tuple[int, int] = (6, 5), class_names: Sequence[str] = ("a", "b", "c"), seed: int = 4
    ):
        super().__init__()
        self.class_names = tuple(class_names)
        first, second = maps
        self.conv1, self.relu1 = nn.Conv2d(3, first, 8, 4, 2), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(first, second, 4, 4), nn.ReLU()
        self.flatten, self.fc = nn.Flatten(), nn.Linear(second * 36, len(self.class_names))
        chance = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=chance) * 0.3)
        self.eval()
