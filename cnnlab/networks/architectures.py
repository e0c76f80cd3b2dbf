"""The kit's own architectures: small enough for two cores, large enough to analyse.

Layers carry the names that the lectures use (conv1 ... conv5, fc6, fc7, fc8), in the order in which they run.
Each network takes images N x 3 x H x W in [0, 1]; it normalises them itself, so that every technique works in pixel units.
For the training recipes see `cnnlab.networks.recipes`, for the training itself `cnnlab.networks.training`.

All kernels with a stride have an even side. So the centres of a layer's receptive fields lie evenly in the image, equally
far from both borders, and a map that is upsampled to the size of the image is aligned with it. (With odd
sides, as in their large models, maps of the last convolution are shifted by several pixels to the lower right.)

A network's `memory_format` is the order in which `forward` hands it images: with the channels last, processors are quicker.
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
    """A small AlexNet (Krizhevsky, Sutskever & Hinton, 2012): five convolutions, three fully connected layers.

    The first layer has large 12 x 12 filters, which can be viewed as images; conv5 has 128 maps, like the variant of
    AlexNet that the lectures show. Batch normalisation after each convolution replaces AlexNet's local response
    normalisation and lets the first layer learn edges and colour blobs instead of keeping its initial noise.

    Parameters
    ----------
    classes
        Names of the classes, in the order of the logits.

    Shapes
    ------
    Input N x 3 x 96 x 96 in [0, 1]; conv1 48 x 48 x 48, conv2 96 x 24 x 24, conv3 to conv5 12 x 12 with 128, 96 and 128 maps; pool5 1 x 1;
    fc6 and fc7 192 numbers; output N x len(classes) logits.
    """

    memory_format = torch.channels_last

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.name = "mini_alexnet"
        self.class_names = tuple(classes)
        self.input_size = 96
        self.normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        self._add_convolution(1, 3, 48, kernel=12, stride=2, pool=True)
        self._add_convolution(2, 48, 96, kernel=5, pool=True)
        self._add_convolution(3, 96, 128, kernel=3)
        self._add_convolution(4, 128, 96, kernel=3)
        self._add_convolution(5, 96, 128, kernel=3)
        # A mean needs evidence all over the object, where a maximum needs only its most salient part; and a mean over all positions
        # weighs each position alike, so that the maps of conv5 lie where the object is.
        self.pool5 = nn.AvgPool2d(12)
        self.flatten = nn.Flatten()
        self.drop6 = nn.Dropout(0.3)
        self.fc6 = nn.Linear(128, 192)
        self.relu6 = nn.ReLU()
        self.drop7 = nn.Dropout(0.3)
        self.fc7 = nn.Linear(192, 192)
        self.relu7 = nn.ReLU()
        self.fc8 = nn.Linear(192, len(self.class_names))

    def _add_convolution(
        self, number: int, inputs: int, maps: int, *, kernel: int, stride: int = 1, pool: bool = False
    ):
        self.add_module(
            f"conv{number}", nn.Conv2d(inputs, maps, kernel, stride, (kernel - 1) // 2, bias=False)
        )
        self.add_module(f"norm{number}", nn.BatchNorm2d(maps))
        self.add_module(f"relu{number}", nn.ReLU())
        if pool:
            self.add_module(f"pool{number}", nn.MaxPool2d(2))


class MiniVGG(nn.Sequential):
    """A small VGG (Simonyan & Zisserman, 2015): only 3 x 3 convolutions, with pooling after every second one.

    Shapes
    ------
    Input N x 3 x 96 x 96 in [0, 1]; convB_1 and convB_2 of the blocks B = 1 ... 4 have 16 x 96 x 96, 32 x 48 x 48, 64 x 24 x 24
    and 128 x 12 x 12; fc6 and fc7 192 numbers; output N x len(classes) logits.
    """

    memory_format = torch.channels_last

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.name = "mini_vgg"
        self.class_names = tuple(classes)
        self.input_size = 96
        self.normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        maps = 3
        for block, wider in enumerate((16, 32, 64, 128), start=1):
            for step in (1, 2):
                self.add_module(f"conv{block}_{step}", nn.Conv2d(maps, wider, 3, padding=1, bias=False))
                self.add_module(f"norm{block}_{step}", nn.BatchNorm2d(wider))
                self.add_module(f"relu{block}_{step}", nn.ReLU())
                maps = wider
            self.add_module(f"pool{block}", nn.MaxPool2d(2 if block < 4 else 4))
        self.flatten = nn.Flatten()
        self.drop6 = nn.Dropout(0.3)
        self.fc6 = nn.Linear(128 * 3 * 3, 192)
        self.relu6 = nn.ReLU()
        self.drop7 = nn.Dropout(0.3)
        self.fc7 = nn.Linear(192, 192)
        self.relu7 = nn.ReLU()
        self.fc8 = nn.Linear(192, len(self.class_names))


class ResidualBlock(nn.Module):
    """Residual block: two convolutions whose result is added to the input, or to its projection where size or number of maps change."""

    def __init__(self, inputs: int, maps: int, stride: int):
        super().__init__()
        kernel = 4 if stride == 2 else 3
        self.conv1 = nn.Conv2d(inputs, maps, kernel, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(maps)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(maps, maps, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(maps)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != maps:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, maps, stride, stride, bias=False), nn.BatchNorm2d(maps)
            )
        self.relu2 = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        inner = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(images)))))
        return self.relu2(inner + self.shortcut(images))


class MiniResNet(nn.Sequential):
    """A small ResNet (He, Zhang, Ren & Sun, 2016): a wide first convolution, six residual blocks, global average pooling.

    Shapes
    ------
    Input N x 3 x 96 x 96 in [0, 1]; conv1 32 x 48 x 48, layer1 48 x 24 x 24, layer2 96 x 12 x 12, layer3 128 x 12 x 12; output
    N x len(classes) logits.
    """

    memory_format = torch.channels_last

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.name = "mini_resnet"
        self.class_names = tuple(classes)
        self.input_size = 96
        self.normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        self.conv1 = nn.Conv2d(3, 32, 8, 2, 3, bias=False)
        self.norm1 = nn.BatchNorm2d(32)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.layer1 = nn.Sequential(ResidualBlock(32, 48, 1), ResidualBlock(48, 48, 1))
        self.layer2 = nn.Sequential(ResidualBlock(48, 96, 2), ResidualBlock(96, 96, 1))
        self.layer3 = nn.Sequential(ResidualBlock(96, 128, 1), ResidualBlock(128, 128, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(128, len(self.class_names))


class DenseLayer(nn.Module):
    """Dense layer: batch normalisation, ReLU, convolution; the new maps are concatenated to the input."""

    def __init__(self, inputs: int, growth: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([maps, self.conv(self.relu(self.norm(maps)))], 1)


class MiniDenseNet(nn.Sequential):
    """A small DenseNet (Huang, Liu, van der Maaten & Weinberger, 2017): every layer reads all earlier ones of its block.

    Shapes
    ------
    Input N x 3 x 96 x 96 in [0, 1]; conv1 32 x 48 x 48; block1 96 x 24 x 24; block2 144 x 12 x 12; block3 168 x 12 x 12; output
    N x len(classes) logits.
    """

    memory_format = torch.channels_last

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.name = "mini_densenet"
        self.class_names = tuple(classes)
        self.input_size = 96
        self.normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        self.conv1 = nn.Conv2d(3, 32, 8, 2, 3, bias=False)
        self.norm1 = nn.BatchNorm2d(32)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        maps, growth = 32, 16
        for block, layers in enumerate((4, 6, 6), start=1):
            inside = [DenseLayer(maps + growth * number, growth) for number in range(layers)]
            maps += growth * layers
            self.add_module(f"block{block}", nn.Sequential(*inside))
            self.add_module(f"norm_block{block}", nn.BatchNorm2d(maps))
            self.add_module(f"relu_block{block}", nn.ReLU())
            if block < 3:
                self.add_module(f"squeeze{block}", nn.Conv2d(maps, maps // 2, 1, bias=False))
                maps //= 2
            if block == 1:
                self.add_module("pool_block1", nn.AvgPool2d(2))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(maps, len(self.class_names))
