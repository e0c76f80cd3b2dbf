"""Shapes: maps with one, two or no axes in front of height and width, brought to one form."""

from __future__ import annotations

from torch import Tensor


def as_batch(maps: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """`maps` as N x C x H x W, and the original axes in front of H x W: (), (C,) or (N, C)."""
    if maps.dim() not in (2, 3, 4):
        raise ValueError(
            f"maps must have the axes H x W, C x H x W or N x C x H x W, but came with shape {tuple(maps.shape)}."
        )
    axes = tuple(maps.shape[:-2])
    return maps.reshape((1,) * (4 - maps.dim()) + tuple(maps.shape)), axes
