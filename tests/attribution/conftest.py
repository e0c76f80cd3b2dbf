"""Small networks with which gradient techniques can go wrong, and pictures for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from enlivening import enliven
from torch import Tensor, nn

WRITINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "F.relu": F.relu,
    "F.relu(inplace=True)": lambda values: F.relu(values, inplace=True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu(input=)": lambda values: torch.relu(input=values),
    "torch.relu_": torch.relu_,
    "x.relu()": Tensor.relu,
    "x.relu_()": lambda values: values.relu_(),
    "x.relu_() for its effect": lambda values: (values.relu_(), values)[1],
}


class Residual(nn.Module):
    """Convolutions, batch normalisation, pooling, a skip connection and a hidden layer; the ReLUs are written as asked."""

    input_size = 24
    class_names = ("sheep", "goat", "wolf", "husky", "bird")

    def __init__(self, relu: str = "nn.ReLU"):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 8, 5, 2, 2), nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(2)
        self.conv2, self.norm2 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv3, self.norm3 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)
        self.hidden, self.head = nn.Linear(8 * 6 * 6, 16), nn.Linear(16, 5)
        self.relu = relu
        if relu.startswith("nn.ReLU"):
            self.relus = nn.ModuleList([nn.ReLU(inplace="inplace" in relu) for _ in range(4)])
        elif relu == "one nn.ReLU for all":
            self.relus = nn.ModuleList([nn.ReLU()] * 4)

    def rectified(self, number: int, values: Tensor) -> Tensor:
        return WRITINGS[self.relu](values) if self.relu in WRITINGS else self.relus[number](values)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.pool(self.rectified(0, self.norm1(self.conv1(images))))  # N x 8 x 6 x 6
        inner = self.rectified(1, self.norm2(self.conv2(maps)))
        maps = self.rectified(2, maps + self.norm3(self.conv3(inner)))
        return self.head(self.rectified(3, self.hidden(self.drop(maps).flatten(1))))


@pytest.fixture
def lively() -> Callable[[nn.Module], nn.Module]:
    """Gives a network Kaiming weights and batch statistics that do something, so that exactness is not trivial; eval mode."""

    return lambda model, seed=0: enliven(model, seed).eval()


@pytest.fixture
def residual(lively) -> Callable[[str], nn.Module]:
    """The small residual network with its ReLUs written in some way; the weights are the same for all ways."""
    return lambda relu="nn.ReLU": lively(Residual(relu))


@pytest.fixture(params=[*WRITINGS, "nn.ReLU(inplace=True)", "one nn.ReLU for all"])
def written(request, residual) -> nn.Module:
    """The same network once for each way of writing a ReLU."""
    return residual(request.param)


@pytest.fixture
def pictures() -> Tensor:
    return torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(4))


class TagDetector(nn.Module):
    """Class 0 is a red tag in the top left corner and nothing else; class 1 is how bright the picture is."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, padding=1)
        self.head = nn.Linear(2 * 16 * 16, 2)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[0, :, 1, 1] = torch.tensor([1.0, -1.0, -1.0])  # red, not white
            self.conv.weight[1] = 1 / 27
            self.conv.bias.copy_(torch.tensor([-0.3, 0.0]))
            self.head.weight.zero_()
            self.head.weight.view(2, 2, 16, 16)[0, 0, :4, :4] = 0.5
            self.head.weight.view(2, 2, 16, 16)[1, 1] = 0.02
            self.head.bias.copy_(torch.tensor([-1.0, 0.0]))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(F.relu(self.conv(images)).flatten(1))


@pytest.fixture
def tag_in_the_corner() -> nn.Module:
    return TagDetector().eval()


@pytest.fixture
def tagged() -> Tensor:
    """A grey picture with a white object in the middle, that catches the eye, and a red tag in the corner, that decides."""
    image = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.1 + 0.3
    image[:, 6:12, 6:12] = 1
    image[:, :4, :4] = torch.tensor([1.0, 0.1, 0.1]).view(3, 1, 1)
    return image
