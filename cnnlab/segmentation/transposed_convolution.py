"""Transposed convolution: each position adds a copy of the kernel to the output. Bilinear upsampling is a special case."""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab._validation import positive_int, whole_number
from cnnlab.segmentation._shapes import as_batch


def transposed_convolution(maps: Tensor, kernel: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    """Transposed convolution: each input value adds the kernel, multiplied by it, to the output, so that maps become larger.

        Y[d, s y + i - p, s x + j - p] = sum over c, y, x of X[c, y, x] K[c, d, i, j]

    It is the transpose of the convolution with the same kernel, stride s and padding p: <conv(A), X> = <A, transposed(X)>, hence the
    name. It is often called "deconvolution", but inverts nothing. Where the stride does not divide the kernel's side, some positions
    get more contributions than others, and the output shows a checkerboard.

    Parameters
    ----------
    maps
        C x H x W or N x C x H x W numbers, or one map H x W.
    kernel
        C x D x k x k: for each input map, the kernel that it adds to each of D output maps. Or k x k for one map.
    stride
        Distance between the kernels of neighbouring input positions: the upsampling factor.
    padding
        Number of rows and columns cut off at each border.

    Returns
    -------
    Tensor
        D x H' x W' (or N x D x H' x W', or H' x W') with H' = (H - 1) stride + k - 2 padding.

    Raises
    ------
    ValueError
        If maps and kernel do not fit, or nothing is left after cutting.

    References
    ----------
    Zeiler, Krishnan, Taylor & Fergus (2010); Dumoulin & Visin (2016), chapter 4; lecture K, "Transposed convolution example".

    Example
    -------
    >>> transposed_convolution(torch.tensor([[120.0, 150.0]]), torch.tensor([[1.0, -1.0], [2.0, -2.0]]))
    tensor([[ 120.,   30., -150.],
            [ 240.,   60., -300.]])
    """
    batch, kernels, axes = _validated(maps, kernel)
    stride, padding = positive_int(stride, "stride"), whole_number(padding, "padding")
    (count, _, height, width), (_, outputs, *side) = batch.shape, kernels.shape
    full = [(n - 1) * stride + k for n, k in zip((height, width), side, strict=True)]
    canvas = batch.new_zeros(count, outputs, *full)
    for y in range(height):
        for x in range(width):
            contribution = torch.einsum("nc,cdij->ndij", batch[:, :, y, x], kernels)
            canvas[:, :, y * stride : y * stride + side[0], x * stride : x * stride + side[1]] += contribution
    if min(full) <= 2 * padding:
        raise ValueError(f"padding {padding} cuts off all of the {full[0]} x {full[1]} output; choose less.")
    cropped = canvas[:, :, padding : full[0] - padding, padding : full[1] - padding]
    return cropped[0, 0] if axes == () else cropped.reshape(*axes[:-1], *cropped.shape[1:])


def transposed_convolution_steps(
    maps: Tensor, kernel: Tensor, *, stride: int = 1, padding: int = 0
) -> Tensor:
    """Transposed convolution step by step, for one map H x W and one kernel k x k: (H W + 1) x H' x W', from zeros to the result."""
    if maps.dim() != 2:
        raise ValueError(f"steps are shown for one map H x W, but {maps.dim()} axes came.")
    single_entries = (
        maps.flatten().diag().unflatten(1, maps.shape)[:, None]
    )  # (H W) x 1 x H x W: a single non-zero value in each
    contributions = transposed_convolution(
        single_entries, kernel[None, None], stride=stride, padding=padding
    )[:, 0]
    return torch.cat([torch.zeros_like(contributions[:1]), contributions.cumsum(0)])


def bilinear_kernel(factor: int) -> Tensor:
    """Bilinear kernel of a transposed convolution that upsamples by `factor`: a tent k x k of side k = 2 factor - factor mod 2.

        K[i, j] = (1 - |i - c| / factor) (1 - |j - c| / factor),    c = (k - 1) / 2

    Lecture K distinguishes upsampling layers that are "learnable or non-learnable": this is the kernel of the latter, and a good
    initialisation of the former (Long, Shelhamer & Darrell, 2015, section 3.3).

    Example
    -------
    >>> bilinear_kernel(2)[0]
    tensor([0.0625, 0.1875, 0.1875, 0.0625])
    """
    side = 2 * positive_int(factor, "factor") - factor % 2
    tent = 1 - (torch.arange(side) - (side - 1) / 2).abs() / factor
    return tent[:, None] * tent


def bilinear_upsample(maps: Tensor, factor: int) -> Tensor:
    """Bilinear upsampling of maps ... x H x W to ... x factor H x factor W, by a transposed convolution with `bilinear_kernel(factor)`.

    It equals `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`, except for the outermost factor / 2 rows
    and columns: interpolation repeats the border there, a transposed convolution has no values beyond it and fades.
    """
    batch, axes = as_batch(maps)
    kernel = bilinear_kernel(factor).to(batch)
    single_maps = batch.flatten(0, 1)[:, None]  # each map separately
    upsampled = transposed_convolution(single_maps, kernel[None, None], stride=factor, padding=factor // 2)
    return upsampled[:, 0].reshape(*axes, *upsampled.shape[-2:])


def _validated(maps: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    batch, axes = as_batch(maps)
    kernels = kernel[None, None] if kernel.dim() == 2 else kernel
    if kernels.dim() != 4 or kernels.shape[0] != batch.shape[1]:
        raise ValueError(
            f"for {batch.shape[1]} maps the kernel must be {batch.shape[1]} x D x k x k (or k x k for one map),"
            f" but came with shape {tuple(kernel.shape)}."
        )
    if axes == () and kernels.shape[1] != 1:
        raise ValueError(
            "one map H x W goes with a kernel k x k; for several outputs give the map as 1 x H x W."
        )
    return batch, kernels.to(batch), axes
