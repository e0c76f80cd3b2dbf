"""Regularisers of optimised images: penalties (total variation, L2) and edits (blur, clipping of small pixels).

Penalties are functions of the image and enter the gradient; edits change the image itself after a step. All of them act on the
*image*: clipping concerns its pixels, by their own size or by the gradient that they receive, never the gradients of the network.
Grey, 0.5, is the zero of an image here, since it becomes zero in a network that centres its input.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab._validation import fraction, positive_int

GREY = 0.5
"""The zero of an image."""

Penalty = Callable[[Tensor], Tensor]
"""Images N x 3 x H x W -> N penalties."""

Edit = Callable[[int, Tensor, Tensor], Tensor]
"""(index of the step, images, gradient of the score with respect to them) -> images."""


def total_variation(images: Tensor, beta: float = 2.0) -> Tensor:
    """Total variation: the roughness of an image, zero for a plain one, large for noise.

        R(x) = sum over p, q of ((x[p, q+1] - x[p, q])^2 + (x[p+1, q] - x[p, q])^2)^(beta / 2)

    summed over the colours. With beta = 1 a sharp edge costs as much as a blurred one, with beta = 2 a blurred one costs less;
    inversion uses a beta above 1, up to 2. At the lower and right border the difference that would leave the image is zero.

    Parameters
    ----------
    images
        N x C x H x W, or one image C x H x W; any values.
    beta
        Above 0. Where an image is flat the gradient is taken as zero, also for beta below 2.

    Returns
    -------
    Tensor
        N numbers, or one.

    References
    ----------
    Mahendran & Vedaldi, "Understanding Deep Image Representations by Inverting Them", CVPR 2015, eq. 3. Lecture L, "Generating
    images by Inverting CNNs".

    Example
    -------
    >>> float(total_variation(torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])))
    2.0
    """
    if not beta > 0:
        raise ValueError(f"beta must be above 0, but got {beta!r}.")
    right = F.pad(images[..., :, 1:] - images[..., :, :-1], (0, 1))
    down = F.pad(images[..., 1:, :] - images[..., :-1, :], (0, 0, 0, 1))
    squares = right.square() + down.square()
    if beta != 2:
        flat = squares == 0
        squares = squares.masked_fill(flat, 1.0).pow(beta / 2).masked_fill(flat, 0.0)
    return squares.sum((-3, -2, -1))


def squared_distance_to_grey(images: Tensor) -> Tensor:
    """L2 penalty: the squared distance from grey, `sum (x - 0.5)^2`: N numbers. Simonyan et al. (2014), eq. 1; lectures K and N."""
    return (images - GREY).square().sum((-3, -2, -1))


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur with `sigma` pixels and reflected borders. Yosinski et al. (2015), section 3; lecture K."""
    if sigma <= 0:
        return images
    radius = max(1, round(3 * sigma))
    steps = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-0.5 * (steps / sigma) ** 2)
    weights = (weights / weights.sum()).expand(images.shape[-3], 1, -1)  # C x 1 x K
    padded = reflect(images, radius)
    rows = F.conv2d(padded, weights[:, :, None, :], groups=len(weights))
    return F.conv2d(rows, weights[:, :, :, None], groups=len(weights))


def reflect(images: Tensor, margin: int) -> Tensor:
    """The images with a margin of reflected pixels on all sides; where it is wider than the image, it is reflected again and again."""
    rows, columns = (_reflected(side, margin).to(images.device) for side in images.shape[-2:])
    return images[..., rows[:, None], columns]


def _reflected(side: int, margin: int) -> Tensor:
    """The pixel for each position from -margin to side + margin - 1; the outermost pixel is not repeated."""
    positions = torch.arange(-margin, side + margin).remainder(max(1, 2 * (side - 1)))
    return torch.minimum(positions, (2 * (side - 1) - positions).abs())


def clip_small_norm(images: Tensor, fraction: float) -> Tensor:
    """Clip pixels with small norm: the `fraction` of pixels closest to grey becomes grey, so that only what matters is shown.

    The norm of a pixel is the distance of its colour from grey. Yosinski et al. (2015), section 3, "clipping pixels with small
    norm".
    """
    norm = (images - GREY).norm(dim=-3)  # N x H x W
    return _grey_out(images, norm, fraction)


def clip_small_contribution(images: Tensor, gradient: Tensor, fraction: float) -> Tensor:
    """Clip pixels with small contribution: the `fraction` of pixels that contribute least to the score becomes grey.

    The contribution of a pixel is, to first order, how much the score would fall if the pixel became grey:
    `|sum over colours of (x - grey) * d score / d x|`. Yosinski et al. (2015), section 3, "clipping pixels with small
    contribution"; lecture K, "Clipping of small values & gradients".
    """
    contribution = ((images - GREY) * gradient).sum(-3).abs()  # N x H x W
    return _grey_out(images, contribution, fraction)


def total_penalty(l2: float, tv: float, beta: float) -> Penalty | None:
    """`l2 |x - 0.5|^2 + tv R_beta(x)` as a function of the images, without the terms of weight 0; None if both are 0."""
    if not (l2 or tv):
        return None

    def penalty(images: Tensor) -> Tensor:
        value = l2 * squared_distance_to_grey(images) if l2 else images.new_zeros(len(images))
        return value + tv * total_variation(images, beta) if tv else value

    return penalty


def apply_edits(
    blur: float, blur_every: int, clip_small_norms: float, clip_small_contributions: float
) -> Edit | None:
    """Blur and clipping as one edit, in this order; None if all are off."""
    positive_int(blur_every, "blur_every")
    fraction(clip_small_norms, "clip_small_norms")
    fraction(clip_small_contributions, "clip_small_contributions")
    if not (blur or clip_small_norms or clip_small_contributions):
        return None

    def edit(step: int, images: Tensor, gradient: Tensor) -> Tensor:
        if blur and (step + 1) % blur_every == 0:
            images = gaussian_blur(images, blur)
        if clip_small_norms:
            images = clip_small_norm(images, clip_small_norms)
        if clip_small_contributions:
            images = clip_small_contribution(images, gradient, clip_small_contributions)
        return images

    return edit


def _grey_out(images: Tensor, importance: Tensor, fraction: float) -> Tensor:
    flat = importance.flatten(1)
    bound = flat.quantile(fraction, dim=1, keepdim=True)
    small = (flat < bound).view_as(importance)
    return images.masked_fill(small.unsqueeze(-3), GREY)
