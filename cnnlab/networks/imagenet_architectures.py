"""SqueezeNet 1.1 and EfficientNet-Lite0: two ImageNet networks small enough for a laptop.

Both take images N x 3 x H x W in [0, 1], normalise them themselves and return N x 1000 logits; both end in average pooling, so H and W are
free from 64 pixels up. With the channels last in memory, a processor takes half of the time, above all for max pooling. For the source
of their weights see `cnnlab.networks.imagenet`. The kit's own small networks are in `cnnlab.networks.architectures`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from cnnlab.networks.architectures import Normalise

CAFFE_MEAN = (123.68, 116.779, 103.939)
"""Mean red, green and blue of ImageNet's training images, of 255, as subtracted by Caffe's networks."""


class Fire(nn.Module):
    """Fire module, the block of SqueezeNet: a few 1 x 1 filters squeeze the maps, then 1 x 1 and 3 x 3 filters expand them in parallel.

    `squeeze`, `expand1x1` and `expand3x3` are convolutions with a ReLU behind each; the output has twice `expand` maps.
    """

    def __init__(self, inputs: int, squeeze: int, expand: int):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.squeeze_relu = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand1x1_relu = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand3x3_relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """N x inputs x h x w to N x 2 expand x h x w."""
        squeezed = self.squeeze_relu(self.squeeze(maps))
        return torch.cat(
            [self.expand1x1_relu(self.expand1x1(squeezed)), self.expand3x3_relu(self.expand3x3(squeezed))], 1
        )


class SqueezeNet(nn.Sequential):
    """SqueezeNet 1.1 (Iandola et al., 2016): as accurate as AlexNet with a fiftieth of its weights, and fully convolutional.

    It has no normalisation layers and no fully connected layer: `conv10` has one map for each class, and the mean of its ReLU is the logit.

    Parameters
    ----------
    classes
        Names of the classes, in the order of the logits.

    Shapes
    ------
    At 224 x 224: conv1 64 x 111 x 111; fire2, fire3 128 x 55 x 55; fire4, fire5 256 x 27 x 27; fire6, fire7 384 x 13 x 13; fire8, fire9
    512 x 13 x 13; conv10 len(classes) x 13 x 13.
    """

    memory_format = torch.channels_last

    def __init__(self, classes: Sequence[str]):
        super().__init__(
            OrderedDict(
                normalise=Normalise([mean / 255 for mean in CAFFE_MEAN], [1 / 255] * 3),
                conv1=nn.Conv2d(3, 64, 3, stride=2),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
                fire2=Fire(64, 16, 64),
                fire3=Fire(128, 16, 64),
                pool3=nn.MaxPool2d(3, 2, ceil_mode=True),
                fire4=Fire(128, 32, 128),
                fire5=Fire(256, 32, 128),
                pool5=nn.MaxPool2d(3, 2, ceil_mode=True),
                fire6=Fire(256, 48, 192),
                fire7=Fire(384, 48, 192),
                fire8=Fire(384, 64, 256),
                fire9=Fire(512, 64, 256),
                drop9=nn.Dropout(0.5),
                conv10=nn.Conv2d(512, len(classes), 1),
                relu10=nn.ReLU(),
                pool10=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
            )
        )
        self.name = "squeezenet"
        self.class_names = tuple(classes)
        self.input_size = 224


class SqueezeNetWorld(SqueezeNet):
    """SqueezeNet 1.1 for rendered classes: the layers up to fire7 are ImageNet's, those behind it are trained on rendered pictures.

    The logit is the mean of conv10's map without a ReLU, so that there can be evidence against a class too, and the maps are class
    activation maps (CAM). Parameters and shapes as in `SqueezeNet`.
    """

    def __init__(self, classes: Sequence[str]):
        super().__init__(classes)
        del self.relu10
        self.name = "squeezenet_world"


@fx.wrap  # a single node in a torch.fx graph: its numbers depend on the size of the maps
def pad_same(maps: Tensor, kernel: int, stride: int) -> Tensor:
    """Same padding: zeros around maps N x C x H x W, so that a convolution gives ceil(H / stride) x ceil(W / stride) positions.

    As in TensorFlow: an odd number of rows or columns puts the extra one at the bottom or on the right.
    """
    down, right = (
        max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in (maps.shape[-2], maps.shape[-1])
    )
    return F.pad(maps, (right // 2, right - right // 2, down // 2, down - down // 2))


class SamePad(nn.Module):
    """`pad_same` in front of a convolution of this kernel and stride."""

    def __init__(self, kernel: int, stride: int):
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, maps: Tensor) -> Tensor:
        """The maps N x C x H x W with the zero padding of the convolution."""
        return pad_same(maps, self.kernel, self.stride)


class InvertedResidual(nn.Module):
    """Inverted residual block of MobileNetV2 (Sandler et al., 2018): 1 x 1 expansion, depthwise convolution, 1 x 1 projection.

    The input is added to the output where both have the same shape. There is no ReLU behind the projection.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = inputs * expansion
        if expansion > 1:
            self.expand = nn.Conv2d(inputs, wide, 1, bias=False)
            self.expand_norm = nn.BatchNorm2d(wide, eps=1e-3)
            self.expand_relu = nn.ReLU6()
        self.pad = SamePad(kernel, stride)
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(wide, eps=1e-3)
        self.depthwise_relu = nn.ReLU6()
        self.project = nn.Conv2d(wide, outputs, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(outputs, eps=1e-3)
        self.adds_input = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        """N x inputs x h x w to N x outputs x ceil(h / stride) x ceil(w / stride)."""
        wide = self.expand_relu(self.expand_norm(self.expand(maps))) if hasattr(self, "expand") else maps
        wide = self.depthwise_relu(self.depthwise_norm(self.depthwise(self.pad(wide))))
        narrow = self.project_norm(self.project(wide))
        return maps + narrow if self.adds_input else narrow


LITE0_STAGES = (
    # expansion, kernel, stride of the first block, maps, blocks
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
"""EfficientNet-B0's stages (Tan & Le, 2019, table 1), which Lite0 keeps."""


class EfficientNetLite0(nn.Sequential):
    """EfficientNet-Lite0: EfficientNet-B0 (Tan & Le, 2019) with ReLU6 in place of swish, without squeeze-and-excitation.

    Parameters
    ----------
    classes
        Names of the classes, in the order of the logits.

    Shapes
    ------
    At 224 x 224: stem 32 x 112 x 112; block1 16 x 112 x 112; block3 24 x 56 x 56; block5 40 x 28 x 28; block8 80 x 14 x 14; block11
    112 x 14 x 14; block15 192 x 7 x 7; block16 320 x 7 x 7; head 1280 x 7 x 7; fc len(classes).
    """

    memory_format = torch.channels_last

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.normalise = Normalise((127 / 255,) * 3, (128 / 255,) * 3)
        self.stem = _convolution(3, 32, kernel=3, stride=2)
        maps, number = 32, 0
        for expansion, kernel, stride, wider, blocks in LITE0_STAGES:
            for step in range(blocks):
                number += 1
                block = InvertedResidual(maps, wider, kernel, stride if step == 0 else 1, expansion)
                self.add_module(f"block{number}", block)
                maps = wider
        self.head = _convolution(maps, 1280, kernel=1, stride=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(1280, len(classes))
        self.name = "efficientnet_lite0"
        self.class_names = tuple(classes)
        self.input_size = 224


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    """Padding, convolution, batch normalisation and ReLU6."""
    return nn.Sequential(
        OrderedDict(
            pad=SamePad(kernel, stride),
            conv=nn.Conv2d(inputs, outputs, kernel, stride, bias=False),
            norm=nn.BatchNorm2d(outputs, eps=1e-3),
            relu=nn.ReLU6(),
        )
    )
