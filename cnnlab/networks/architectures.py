"""The kit's own networks: small enough for two cores, large enough to look into.

Layers carry the names that the lectures use (conv1 ... conv5, fc6, fc7, fc8) and stand in the order in which they run.
Each network takes pictures N x 3 x H x W in [0, 1]; it normalises them itself, so that every technique works in pixel units.
How the weights come about is written in `cnnlab.networks.plans` and done in `cnnlab.networks.training`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """Shift and scale each colour channel: (x - mean) / std, with x in [0, 1]."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std


class MiniAlexNet(nn.Sequential):
    """AlexNet (Krizhevsky, Sutskever & Hinton, 2012) in small: five convolutions, three fully connected layers.

    The first layer has large 11 x 11 filters, so that they can be looked at as pictures; conv5 has 128 maps, like the variant of
    AlexNet that the lectures show. Batch normalisation after each convolution takes the place of AlexNet's response
    normalisation and lets the first layer learn edges and colour blobs instead of keeping its initial noise.

    Parameters
    ----------
    classes
        Names of the classes, in the order of the logits.

    Shapes
    ------
    Input N x 3 x 96 x 96 in [0, 1]; conv1 48 x 48 x 48, conv2 96 x 24 x 24, conv3 to conv5 12 x 12 with 128, 96 and 128 maps; pool5 4 x 4;
    fc6 and fc7 192 numbers; output N x len(classes) logits.
    """

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.name = "mini_alexnet"
        self.class_names = tuple(classes)
        self.input_size = 96
        self.normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        self._add_convolution(1, 3, 48, kernel=11, stride=2, pool=True)
        self._add_convolution(2, 48, 96, kernel=5, pool=True)
        self._add_convolution(3, 96, 128, kernel=3)
        self._add_convolution(4, 128, 96, kernel=3)
        self._add_convolution(5, 96, 128, kernel=3)
        self.pool5 = nn.MaxPool2d(3)
        self.flatten = nn.Flatten()
        self.drop6 = nn.Dropout(0.3)
        self.fc6 = nn.Linear(128 * 4 * 4, 192)
        self.relu6 = nn.ReLU()
        self.drop7 = nn.Dropout(0.3)
        self.fc7 = nn.Linear(192, 192)
        self.relu7 = nn.ReLU()
        self.fc8 = nn.Linear(192, len(self.class_names))

    def _add_convolution(
        self, number: int, inputs: int, maps: int, *, kernel: int, stride: int = 1, pool: bool = False
    ):
        self.add_module(f"conv{number}", nn.Conv2d(inputs, maps, kernel, stride, kernel // 2, bias=False))
        self.add_module(f"norm{number}", nn.BatchNorm2d(maps))
        self.add_module(f"relu{number}", nn.ReLU())
        if pool:
            self.add_module(f"pool{number}", nn.MaxPool2d(3, 2, 1))
