"""Segmentation networks: a fully convolutional network (FCN) and a U-Net; also the small network for digits.

They take images N x 3 x H x W in [0, 1], like those in `cnnlab.networks.architectures`, and return N x C x H x W logits: class scores for
each pixel, where class 0 is the background. For their training see `cnnlab.networks.recipes`; for the operations inside them
`cnnlab.segmentation`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from cnnlab.networks.architectures import MiniAlexNet, Normalise


class UNet(nn.Module):
    """A small U-Net (Ronneberger, Fischer & Brox, 2015): down to 6 x 6 positions and up again, with or without skip connections.

    The encoder finds *what*: pooling enlarges the receptive field. The decoder finds *where*: transposed convolutions
    double the size of the maps, and each skip connection concatenates the encoder's maps of the same size, which still locate the edges.
    The first convolution has a stride of 2 and the last layer writes the scores of 2 x 2 pixels at a time, since maps of the full
    96 x 96 positions would cost more than all others together.

    Parameters
    ----------
    classes
        Names of the classes in the order of the logits, background first.
    skips
        Without them the network is a plain encoder-decoder: all information passes through 6 x 6 positions.

    Shapes
    ------
    Input N x 3 x H x W in [0, 1] with sides divisible by 16 (96 in training). For 96: down1 24 x 48 x 48, down2 48 x 24 x 24, down3 96 x
    12 x 12, bottleneck 128 x 6 x 6, merge3 80 x 12 x 12, merge2 48 x 24 x 24, merge1 32 x 48 x 48; output N x len(classes) x 96 x 96
    logits.

    Example
    -------
    >>> import torch
    >>> from cnnlab.networks.segmentation_models import UNet
    >>> UNet(["background", "cat"]).eval()(torch.rand(1, 3, 96, 96)).shape
    torch.Size([1, 2, 96, 96])
    """

    memory_format = torch.channels_last

    def __init__(self, classes: Sequence[str], skips: bool = True):
        super().__init__()
        self.name = "unet" if skips else "unet_without_skips"
        self.class_names = tuple(classes)
        self.input_size = 96
        self.skips = skips
        self.normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        self.down1 = convolutions(3, 24, kernel=6, stride=2)
        self.pool1 = nn.MaxPool2d(2)
        self.down2 = convolutions(24, 48, 48)
        self.pool2 = nn.MaxPool2d(2)
        self.down3 = convolutions(48, 96, 96)
        self.pool3 = nn.MaxPool2d(2)
        self.bottleneck = convolutions(96, 128)
        self.up3 = nn.ConvTranspose2d(128, 64, 2, 2)
        self.merge3 = convolutions(64 + 96 * skips, 80)
        self.up2 = nn.ConvTranspose2d(80, 48, 2, 2)
        self.merge2 = convolutions(48 + 48 * skips, 48)
        self.up1 = nn.ConvTranspose2d(48, 32, 2, 2)
        self.merge1 = convolutions(32 + 24 * skips, 32)
        self.score = nn.ConvTranspose2d(32, len(self.class_names), 2, 2)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.down1(self.normalise(images))  # N x 24 x H/2 x W/2
        middle = self.down2(self.pool1(fine))  # N x 48 x H/4 x W/4
        coarse = self.down3(self.pool2(middle))  # N x 96 x H/8 x W/8
        maps = self.up3(self.bottleneck(self.pool3(coarse)))
        maps = self.up2(self.merge3(self._concatenate(maps, coarse)))
        maps = self.up1(self.merge2(self._concatenate(maps, middle)))
        return self.score(self.merge1(self._concatenate(maps, fine)))

    def _concatenate(self, maps: Tensor, skipped: Tensor) -> Tensor:
        return torch.cat([maps, skipped], 1) if self.skips else maps


class UNetWithoutSkips(UNet):
    """U-Net without skip connections: the same encoder and decoder, to see what the skips contribute."""

    def __init__(self, classes: Sequence[str]):
        super().__init__(classes, skips=False)


class FCN(nn.Sequential):
    """A small FCN (Long, Shelhamer & Darrell, 2015): the convolutions of a classifier, 1 x 1 scores, bilinear upsampling.

    The trunk is that of `MiniAlexNet`, conv1 to conv5. A convolution with 1 x 1 kernels replaces the fully connected layers,
    so each of 12 x 12 positions scores the classes separately; bilinear interpolation upsamples them to 96 x 96. It localises
    objects as well as a classifier recognises them, but its edges are as coarse as its 12 x 12 positions.

    Parameters
    ----------
    classes
        Names of the classes in the order of the logits, background first.
    trunk
        A classifier whose layers up to relu5 are copied, such as `load("mini_alexnet")`; without one they are initialised at random.

    Shapes
    ------
    Input N x 3 x H x W in [0, 1] with sides divisible by 8; conv5 128 x H/8 x W/8; output N x len(classes) x H x W logits.

    Raises
    ------
    ValueError
        If the trunk has no layer relu5.
    """

    memory_format = torch.channels_last

    def __init__(self, classes: Sequence[str], trunk: nn.Module | None = None):
        super().__init__()
        self.name = "fcn"
        self.class_names = tuple(classes)
        self.input_size = 96
        source = MiniAlexNet(classes) if trunk is None else trunk
        layers = dict(source.named_children())
        if "relu5" not in layers:
            raise ValueError(
                f"the trunk has no layer relu5 to end with; give a MiniAlexNet, not {type(source).__name__}."
            )
        for name, layer in layers.items():
            self.add_module(name, copy.deepcopy(layer))
            if name == "relu5":
                break
        self.drop6 = nn.Dropout(0.3)
        self.score6 = nn.Conv2d(self.conv5.out_channels, len(self.class_names), 1)
        self.enlarge = nn.Upsample(scale_factor=8, mode="bilinear", align_corners=False)


class DigitNet(nn.Sequential):
    """LeNet-like network (after LeCun, Bottou, Bengio & Haffner, 1998) for scikit-learn's handwritten digits.

    The digits, 8 x 8 grey values, are upsampled to 32 x 32 with three equal colours, so that everything that works on the world's
    pictures works on them (`cnnlab.networks.training_data.digits`).

    Shapes
    ------
    Input N x 3 x 32 x 32 in [0, 1]; conv1 16 x 32 x 32, conv2 32 x 16 x 16, conv3 48 x 8 x 8; fc4 64 numbers; output N x 10 logits.
    """

    memory_format = torch.channels_last

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.name = "digits"
        self.class_names = tuple(classes)
        self.input_size = 32
        self.normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        maps = 3
        for number, wider in enumerate((16, 32, 48), start=1):
            kernel = 7 if number == 1 else 3
            self.add_module(f"conv{number}", nn.Conv2d(maps, wider, kernel, 1, kernel // 2, bias=False))
            self.add_module(f"norm{number}", nn.BatchNorm2d(wider))
            self.add_module(f"relu{number}", nn.ReLU())
            self.add_module(f"pool{number}", nn.MaxPool2d(2))
            maps = wider
        self.flatten = nn.Flatten()
        self.drop4 = nn.Dropout(0.2)
        self.fc4 = nn.Linear(48 * 4 * 4, 64)
        self.relu4 = nn.ReLU()
        self.fc5 = nn.Linear(64, len(self.class_names))


def convolutions(*maps: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU: once for each step from one number of `maps` to the next."""
    block = nn.Sequential()
    for step, (inputs, outputs) in enumerate(pairwise(maps), start=1):
        padding = (kernel - 1) // 2
        block.add_module(f"conv{step}", nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False))
        block.add_module(f"norm{step}", nn.BatchNorm2d(outputs))
        block.add_module(f"relu{step}", nn.ReLU())
    return block
