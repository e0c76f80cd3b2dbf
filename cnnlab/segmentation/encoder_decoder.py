"""Encoder-decoder with three ways of upsampling, only one of which uses the positions of the pooled maxima."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnnlab._validation import one_of
from cnnlab.networks.architectures import Normalise
from cnnlab.networks.segmentation_models import convolutions
from cnnlab.segmentation.unpooling import max_pool, max_unpool

UPSAMPLING = ("remembered", "corner", "repeated")
"""Where a pooled value goes: to the position of its maximum, to the first position of its window, or to all four."""


class EncoderDecoder(nn.Module):
    """A small encoder-decoder (after Noh, Hong & Han, 2015): three poolings, three unpoolings, convolutions between.

    The decoder mirrors the encoder. With `upsampling="remembered"` each unpooling puts its values at the positions remembered by the
    pooling of the same size: values pass only through the bottleneck, but their positions bypass it. "corner" puts them at the first
    position of each window, "repeated" at all four; neither uses the positions of the maxima. All three have the same learnable parameters.

    Parameters
    ----------
    classes
        Names of the classes in the order of the logits, background first.
    upsampling
        One of `UPSAMPLING`.

    Shapes
    ------
    Input N x 3 x H x W in [0, 1] with sides divisible by 8. For 48: 16 x 48 x 48, 32 x 24 x 24, 64 x 12 x 12, bottleneck 64 x 6 x 6, and
    the same in reverse; output N x len(classes) x 48 x 48 logits.

    Raises
    ------
    ValueError
        If `upsampling` is not known.

    References
    ----------
    Noh, Hong & Han (2015); lecture K, "Max unpooling", "Symmetry in encoder/decoder".

    Example
    -------
    >>> EncoderDecoder(["background", "cat"]).eval()(torch.rand(1, 3, 48, 48)).shape
    torch.Size([1, 2, 48, 48])
    """

    def __init__(self, classes: Sequence[str], upsampling: str = "remembered"):
        super().__init__()
        self.upsampling = one_of(upsampling, UPSAMPLING, "upsampling")
        self.name = f"encoder_decoder_{upsampling}"
        self.class_names = tuple(classes)
        self.input_size = 48
        self.normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        self.down1, self.down2, self.down3 = (convolutions(*maps) for maps in ((3, 16), (16, 32), (32, 64)))
        self.bottleneck = convolutions(64, 64)
        self.up3, self.up2, self.up1 = (convolutions(*maps) for maps in ((64, 32), (32, 16), (16, 16)))
        self.score = nn.Conv2d(16, len(self.class_names), 1)

    def forward(self, images: Tensor) -> Tensor:
        maps, pooled = self.normalise(images), []
        for block in (self.down1, self.down2, self.down3):
            maps = block(maps)
            size = maps.shape[-2:]
            maps, indices = max_pool(maps)  # N x C x H/2 x W/2
            pooled.append((self._unpool_indices(indices, size), size))
        maps = self.bottleneck(maps)
        for block in (self.up3, self.up2, self.up1):
            indices, size = pooled.pop()
            if self.upsampling == "repeated":
                maps = maps.repeat_interleave(2, -2).repeat_interleave(2, -1)
            else:
                maps = max_unpool(maps, indices, size)
            maps = block(maps)  # N x C/2 x 2H x 2W
        return self.score(maps)

    def _unpool_indices(self, indices: Tensor, size: Sequence[int]) -> Tensor:
        """Where the decoder puts values of this size: at the remembered positions, or at the first of each window."""
        if self.upsampling == "remembered":
            return indices
        rows, columns = (torch.arange(0, side, 2, device=indices.device) for side in size)
        return (rows[:, None] * size[1] + columns).expand_as(indices)
