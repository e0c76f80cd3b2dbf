"""Texture as a statistic: which channels of a layer go together, wherever they are."""

from __future__ import annotations

from torch import Tensor


def gram_matrix(features: Tensor) -> Tensor:
    """Which channels answer at the same places?

        G(i, j) = sum over k of F(i, k) F(j, k)

    with i and j channels and k the position, all positions of the map in one row. Where things are is summed away; what goes with
    what stays.

    Parameters
    ----------
    features
        N x C x H x W, or C x H x W: what a convolutional layer answers.

    Returns
    -------
    Tensor
        N x C x C, or C x C; symmetric, without negative eigenvalues.

    Raises
    ------
    ValueError
        If the features have no positions.

    References
    ----------
    Gatys, Ecker & Bethge, "Texture Synthesis Using Convolutional Neural Networks", NIPS 2015, eq. 1. Lecture K, "Replicating
    Content and Style".

    Example
    -------
    >>> import torch
    >>> gram_matrix(torch.tensor([[[1.0, 2.0]], [[3.0, 0.0]]]))
    tensor([[5., 3.],
            [3., 9.]])
    """
    if features.dim() not in (3, 4):
        raise ValueError(f"features must be N x C x H x W or C x H x W, but came as {tuple(features.shape)}.")
    rows = features.flatten(-2)  # N x C x positions
    return rows @ rows.transpose(-1, -2)
