"""A network whose answers are known: one class reads the brightness of a square, the other that of the rest."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab import world

SIDE = 96


class Detector(nn.Module):
    """Logit of "square" = 40 x mean brightness within rows 24 to 48, columns 48 to 72; "rest" = 6; "never" = -9."""

    name = "detector"
    class_names = ("square", "rest", "never")
    input_size = SIDE
    window = (slice(24, 48), slice(48, 72))

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(40.0))

    def forward(self, images):
        seen = images[:, :, self.window[0], self.window[1]].mean((1, 2, 3))
        return torch.stack([self.scale * seen, torch.full_like(seen, 6.0), torch.full_like(seen, -9.0)], 1)


@pytest.fixture
def detector() -> Detector:
    return Detector().eval()


@pytest.fixture
def bright():
    """A white picture, on which the detector says "square"."""
    return torch.ones(3, SIDE, SIDE)


@pytest.fixture
def sheep():
    return world.render(7, shape="sheep", scene="meadow")
