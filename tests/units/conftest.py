"""A small network whose signals stay alive, and pictures with labels and maps, all from seeds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab.world import NAMES


@pytest.fixture
def tiny() -> nn.Module:
    """Two convolutions with strides, padding and batch statistics that are not trivial, in float64; pictures of 20 x 20."""
    generator = torch.Generator().manual_seed(3)
    model = nn.Sequential()
    model.input_size = 20
    for name, module in {
        "conv1": nn.Conv2d(3, 6, 5, stride=2, padding=2),
        "norm1": nn.BatchNorm2d(6),
        "relu1": nn.ReLU(inplace=True),
        "conv2": nn.Conv2d(6, 5, 3, stride=2, padding=1),
        "relu2": nn.ReLU(),
        "flatten": nn.Flatten(),
        "drop": nn.Dropout(0.5),
        "fc3": nn.Linear(5 * 25, 7),
        "relu3": nn.ReLU(),
        "fc4": nn.Linear(7, 4),
    }.items():
        model.add_module(name, module)
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, generator=generator)
            nn.init.uniform_(module.bias, 0.0, 0.5, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.2, 0.2),
                (module.running_mean, -0.3, 0.3),
                (module.running_var, 0.5, 2.0),
            ):
                tensor.uniform_(low, high, generator=generator)
    return model.double().train()


class Pictures:
    """Random smooth pictures of 20 x 20 with labels and maps, in the manner of a data set of the world."""

    def __init__(self, count: int, seed: int = 0):
        generator = torch.Generator().manual_seed(seed)
        coarse = torch.rand(count, 3, 5, 5, generator=generator)
        smooth = nn.functional.interpolate(coarse, size=20, mode="bilinear")
        self.images = (smooth * 255).byte()
        self.labels = torch.randint(4, (count,), generator=generator)
        blocks = {
            category: torch.randint(4, (count, 4, 4), generator=generator) for category in ("part", "colour")
        }
        self._maps = {
            category: few.repeat_interleave(5, 1).repeat_interleave(5, 2).byte()
            for category, few in blocks.items()
        }

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        return self.images[index].float() / 255, int(self.labels[index])

    def maps(self, category: str) -> torch.Tensor:
        assert category in NAMES
        return self._maps[category]


@pytest.fixture
def pictures() -> Pictures:
    return Pictures(23)


@pytest.fixture
def floats(pictures) -> torch.Tensor:
    """The same pictures as a tensor."""
    return pictures.images.float() / 255


@pytest.fixture
def colour_network() -> nn.Module:
    """Its units answer to red, green and blue, pixel by pixel; the logits are the means of the colours."""
    model = nn.Sequential()
    model.input_size = 20
    model.add_module("conv", nn.Conv2d(3, 3, 1, bias=False))
    model.add_module("relu", nn.ReLU())
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flatten", nn.Flatten())
    model.conv.weight.data = torch.eye(3)[:, :, None, None].clone()
    return model.eval()


class Flags:
    """Pictures with labels and maps of colour, in the manner of a data set of the world."""

    def __init__(self, images, labels, colours):
        self.pictures, self.labels, self._colours = images, labels, colours
        self.images = (images * 255).byte()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index].float() / 255, int(self.labels[index])

    def maps(self, category):
        assert category == "colour"
        return self._colours


@pytest.fixture
def flags() -> Flags:
    """Twelve dark pictures, each with a bright patch of red, green or blue, and where it is."""
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(12, 3, 20, 20, generator=generator) * 0.2
    labels = torch.arange(12) % 3
    colours = torch.zeros(12, 20, 20, dtype=torch.uint8)
    index = [NAMES["colour"].index(name) for name in ("red", "green", "blue")]
    for number, label in enumerate(labels.tolist()):
        top, left = torch.randint(0, 16, (2,), generator=generator).tolist()
        images[number, label, top : top + 4, left : left + 4] = 1
        colours[number, top : top + 4, left : left + 4] = index[label]
    return Flags(images, labels, colours)
