"""Gram matrix: texture as a statistic, the correlations between a layer's channels over all positions."""

from __future__ import annotations

from torch import Tensor


def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrix of a layer: which channels are active at the same positions.

        G(i, j) = sum over k of F(i, k) F(j, k)

    with i and j channels and k the position, all positions of the map in one row. The sum discards where a feature is and keeps
    which features occur together.

    Parameters
    ----------
    features
        N x C x H x W, or C x H x W: activations of a convolutional layer.

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
