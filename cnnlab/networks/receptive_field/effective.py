"""Effective receptive field: how strongly a unit uses each pixel of its receptive field, measured with gradients.

The pixels that a unit *can* see follow from kernels and strides alone (`cnnlab.networks.receptive_field`). How much each of them
*counts* depends on the weights and on the image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnlab._validation import image_batch, whole_number
from cnnlab.networks.activations import record_activations
from cnnlab.networks.forward import as_pixels, forward, input_gradient, with_gradients


def effective_receptive_field(
    model: nn.Module, layer: str, images: Tensor, *, row: int = 0, column: int = 0, seed: int = 0
) -> Tensor:
    """Effective receptive field of a position: the mean absolute gradient of its units with respect to each pixel, over many images.

        E[y, x] = mean over images and sum over colours of | d (sum over c of r[c] a[c, row, column]) / d x[y, x] |

    with a random r[c] of variance 1 for each unit, so that one backward pass covers all units of the position, and their gradients
    do not cancel. Pixels outside the receptive field give exactly 0. Inside, most pixels are not 0 in any image whose paths
    are not all switched off by ReLU and max pooling; over a few images the box around all of them is the theoretical one.

    Parameters
    ----------
    model
        Any network; it runs in eval mode and is left unchanged.
    layer
        One of `layer_names(model)`.
    images
        N x 3 x H x W in [0, 1], or one image; noise finds every path sooner than images with flat parts.
    row, column
        The position in the layer's map; 0, 0 in a fully connected layer.
    seed
        Seed of r.

    Returns
    -------
    Tensor
        H x W, not negative.

    Raises
    ------
    ValueError
        If there is no such layer or position, or the images do not lie in [0, 1].

    References
    ----------
    Luo, Li, Urtasun & Zemel (2016), Understanding the effective receptive field in deep convolutional neural networks,
    section 3.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> field = effective_receptive_field(MiniAlexNet(["cat", "dog"]), "conv1", torch.rand(4, 3, 96, 96), row=20, column=10)
    >>> nonzero_box(field)
    (35, 15, 47, 27)
    """
    batch, _ = image_batch(images)
    with with_gradients(model):
        pixels = as_pixels(model, batch).requires_grad_()
        with record_activations(model, layer) as recorded:
            forward(model, pixels)
        if layer not in recorded:
            raise ValueError(f'layer "{layer}" does not run in eval mode; see layer_names(model).')
        values = recorded[layer].reshape(*recorded[layer].shape[:2], *(recorded[layer].shape[2:] or (1, 1)))
        row = whole_number(row, "row", maximum=values.shape[2] - 1)
        column = whole_number(column, "column", maximum=values.shape[3] - 1)
        unit_weights = torch.randn(values.shape[1], generator=torch.Generator().manual_seed(seed))
        gradient = input_gradient(values[:, :, row, column] @ unit_weights.to(values), pixels)
    return gradient.abs().sum(1).mean(0).cpu()


def nonzero_box(field: Tensor) -> tuple[int, int, int, int]:
    """Bounding box (top, left, bottom, right; the last two outside) of all non-zero pixels of H x W; all 0 if there is none.

    Example
    -------
    >>> nonzero_box(torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.1, 0.2]]))
    (1, 1, 2, 3)
    """
    rows, columns = field.any(1).nonzero().flatten(), field.any(0).nonzero().flatten()
    if not len(rows):
        return 0, 0, 0, 0
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
