"""Max unpooling: each pooled value goes back to the remembered position of its maximum, with zeros elsewhere."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab._validation import positive_int
from cnnlab.segmentation._shapes import as_batch


def max_pool(maps: Tensor, size: int = 2, stride: int | None = None) -> tuple[Tensor, Tensor]:
    """Max pooling with indices: the maximum of each window, and its position; the encoder's half of max unpooling.

    Parameters
    ----------
    maps
        H x W, C x H x W or N x C x H x W numbers.
    size, stride
        Side of the window, and its stride; the side by default.

    Returns
    -------
    (values, positions)
        Both with the axes of `maps`, H x W reduced to the number of windows. A position is counted row by row: row * W + column. Of
        equal maxima in a window, the first counts.

    References
    ----------
    Zeiler & Fergus (2014), section 2.1, "switches"; lecture K, "Example: max pooling".

    Example
    -------
    >>> values, indices = max_pool(torch.tensor([[120.0, 150, 120], [100, 50, 110], [25, 25, 10]]), 2, stride=1)
    >>> values.tolist(), indices.tolist()
    ([[150.0, 150.0], [100.0, 110.0]], [[1, 1], [3, 5]])
    """
    batch, axes = as_batch(maps)
    size = positive_int(size, "size")
    step = size if stride is None else positive_int(stride, "stride")
    if size > min(batch.shape[-2:]):
        raise ValueError(f"a window of {size} x {size} does not fit into maps of {_sides(batch)}.")
    values, indices = F.max_pool2d(batch, size, step, return_indices=True)
    return values.view(*axes, *values.shape[-2:]), indices.view(*axes, *indices.shape[-2:])


def max_unpool(values: Tensor, indices: Tensor, output_size: tuple[int, int]) -> Tensor:
    """Max unpooling: each pooled value goes to the position of its maximum; all other positions are zero.

        Y[p] = sum of X[i] over all windows i whose maximum is at p

    Overlapping windows may share a maximum; their values add up. (`torch.nn.MaxUnpool2d` keeps one of them, whichever is written last.)
    So this is the backward pass of max pooling, and <max_unpool(X), Z> is the sum of X times Z at the remembered positions.

    Parameters
    ----------
    values
        h x w, C x h x w or N x C x h x w: the values to put back, such as maps of a decoder.
    indices
        Of the same shape: the positions that `max_pool` remembered in the encoder.
    output_size
        (H, W) of the maps before pooling.

    Returns
    -------
    Tensor
        ... x H x W.

    Raises
    ------
    ValueError
        If values and positions do not agree, or a position lies outside.

    References
    ----------
    Noh, Hong & Han (2015), Learning deconvolution network for semantic segmentation, section 3.2; lecture K, "Max unpooling".

    Example
    -------
    >>> indices = torch.tensor([[1, 1], [3, 5]])
    >>> max_unpool(torch.tensor([[300.0, 450], [100, 250]]), indices, (3, 3))
    tensor([[  0., 750.,   0.],
            [100.,   0., 250.],
            [  0.,   0.,   0.]])
    """
    _check_indices(values, indices, output_size)
    height, width = output_size
    flat = values.new_zeros(*values.shape[:-2], height * width)
    flat.scatter_add_(-1, indices.flatten(-2), values.flatten(-2))
    return flat.unflatten(-1, (height, width))


def max_unpool_steps(values: Tensor, indices: Tensor, output_size: tuple[int, int]) -> Tensor:
    """Max unpooling step by step, for one map h x w: (h w + 1) x H x W, window by window, from zeros to the result."""
    if values.dim() != 2:
        raise ValueError(f"steps are shown for one map h x w, but {values.dim()} axes came.")
    single_entries = values.flatten().diag().unflatten(1, values.shape)  # (h w) x h x w: one window in each
    contributions = max_unpool(single_entries, indices.expand_as(single_entries), output_size)
    return torch.cat([contributions.new_zeros(1, *output_size), contributions.cumsum(0)])


def _check_indices(values: Tensor, indices: Tensor, output_size: tuple[int, int]) -> None:
    if values.dim() not in (2, 3, 4) or values.shape != indices.shape:
        raise ValueError(
            f"values and places must have the same axes (h x w, C x h x w or N x C x h x w), but came as"
            f" {tuple(values.shape)} and {tuple(indices.shape)}."
        )
    height, width = output_size
    if indices.numel() and not (int(indices.min()) >= 0 and int(indices.max()) < height * width):
        raise ValueError(
            f"places run from {int(indices.min())} to {int(indices.max())}, but maps of {height} x {width} have places"
            f" 0 to {height * width - 1}; give the output_size that was pooled."
        )


def _sides(maps: Tensor) -> str:
    return " x ".join(str(n) for n in maps.shape[-2:])
