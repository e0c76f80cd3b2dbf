"""Activation masks: a unit's map at the pixels of an image, and the mask where it exceeds its threshold.

The thresholds come from `cnnlab.units.dissection`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnlab._validation import image_batch, whole_number
from cnnlab.networks.activations import activations
from cnnlab.networks.receptive_field import ReceptiveField, receptive_field
from cnnlab.units.dissection_report import Dissection


def activation_mask(model: nn.Module, images: Tensor, dissection: Dissection, unit: int) -> Tensor:
    """Activation mask: the pixels at which a unit exceeds the threshold of its dissection.

        M_k(x) = pixels of x at which a_k(x), upsampled by bilinear interpolation, is above T_k

    Parameters
    ----------
    model
        The network that was dissected; it is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image without the first axis.
    dissection
        The result of `cnnlab.units.dissect` for one of its layers (in the basis of its units, not a rotated one).
    unit
        A channel of that layer.

    Returns
    -------
    Tensor
        N x H x W booleans (H x W for one image), at every pixel.

    Raises
    ------
    ValueError
        If there is no such layer or unit.

    References
    ----------
    Bau, Zhou, Khosla, Oliva & Torralba (2017), section 2.2; lecture L, "activation mask".

    Example
    -------
    >>> from cnnlab import load, world
    >>> model, data = load("mini_alexnet"), world.dataset("validation", n=200)  # doctest: +SKIP
    >>> activation_mask(model, data[0][0], dissect(model, data, "relu5"), 17).shape  # doctest: +SKIP
    torch.Size([96, 96])
    """
    batch, single = image_batch(images)
    unit = whole_number(unit, "unit", maximum=len(dissection.threshold) - 1)
    maps = activations(model, batch, dissection.layer)[dissection.layer][:, unit].cpu()
    masks = (
        upsample_to_image(maps, receptive_field(model, dissection.layer, tuple(batch.shape[1:])))
        > dissection.threshold[unit]
    )
    return masks[0] if single else masks


def upsample_to_image(maps: Tensor, field: ReceptiveField) -> Tensor:
    """... x h x w maps at all pixels of the image, ... x H x W; see `bilinear_weights`."""
    down, across = (
        bilinear_weights(field, axis, torch.arange(field.picture[axis])).to(maps) for axis in (0, 1)
    )
    return down @ maps @ across.T


def bilinear_weights(field: ReceptiveField, axis: int, pixels: Tensor) -> Tensor:
    """pixels x positions: the weight, at each pixel, of each position of a layer, placed at the centre of its receptive field.

    Pixels beyond the outermost centres take the outermost value. Where every unit sees the whole image, the positions have no
    centres of their own and are spread evenly.
    """
    count, stride = field.positions[axis], field.stride[axis]
    if stride:
        position = (pixels - field.offset[axis] - (field.size[axis] - 1) / 2) / stride
    else:
        position = (pixels + 0.5) * count / field.picture[axis] - 0.5
    position = position.double().clamp(0, count - 1)
    return (1 - (position[:, None] - torch.arange(count)).abs()).clamp(min=0)
