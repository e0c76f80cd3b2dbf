import pytest
import torch
from torch import nn


class Tiny(nn.Sequential):
    """A network for pictures of 16 x 16, with all that makes freezing hard: normalisation with statistics, and dropout."""

    def __init__(self, classes=("red", "green", "blue")):
        super().__init__()
        self.name, self.class_names, self.input_size = "tiny", tuple(classes), 16
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(6)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(6, 8, 3, 2, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(8)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.drop3 = nn.Dropout(0.2)
        self.fc3 = nn.Linear(8, len(self.class_names))


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    return Tiny().eval()


@pytest.fixture
def squares():
    """N noisy pictures with a square of one of three colours, and the number of the colour."""

    def make(n, seed=0):
        chance = torch.Generator().manual_seed(seed)
        labels = torch.arange(n) % 3
        images = 0.5 * torch.rand(n, 3, 16, 16, generator=chance)
        for image, label in zip(images, labels, strict=True):
            image[label, 4:12, 4:12] += 0.4
        return images, labels

    return make
