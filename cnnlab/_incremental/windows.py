"""Windows in the maps of a layer, one for each position of a patch in the image: cut out of a kept map, and pasted into one.

All windows of a group have one size, so that a layer takes them as one tensor. Patches are pasted into the image itself in the
same way (`patched_images`). See `cnnlab._incremental.engine`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

Position: TypeAlias = tuple[int, int]
"""Top and left of a patch in the image, in pixels."""

Interval: TypeAlias = tuple[int, int]
"""The positions along an axis from the first number up to, but not including, the second."""


@dataclass(frozen=True)
class Windows:
    """Windows of one size: the start of each, and their common height and width."""

    tops: list[int]
    lefts: list[int]
    height: int
    width: int

    @classmethod
    def over(cls, rows: list[Interval], columns: list[Interval], shape: torch.Size) -> Windows:
        """Windows of the size of the largest interval, covering these intervals and inside maps of this shape."""
        height, width = (max(stop - start for start, stop in stretches) for stretches in (rows, columns))
        tops = [min(start, shape[-2] - height) for start, _ in rows]
        lefts = [min(start, shape[-1] - width) for start, _ in columns]
        return cls(tops, lefts, height, width)


@dataclass(frozen=True, eq=False)
class Patches:
    """The output of a layer in its windows, N x ... x height x width."""

    values: Tensor
    windows: Windows


def hull(*stretches: Interval) -> Interval:
    """The shortest interval that contains all of these."""
    starts, stops = zip(*stretches, strict=True)
    return min(starts), max(stops)


def read_windows(maps: Tensor, patches: Patches, windows: Windows, padding: Interval = (0, 0)) -> Tensor:
    """Read windows from the maps, 1 x ... x H x W, with the patches pasted over them: N x ... x height x width.

    The maps may have `padding` rows and columns before their first; a window that includes some of those has a negative start.
    """
    if windows == patches.windows and padding == (0, 0):
        return patches.values
    height, width = windows.height, windows.width
    result = torch.empty(
        (len(patches.values), *maps.shape[1:-2], height, width),
        dtype=maps.dtype,
        memory_format=torch.channels_last if maps.dim() == 4 else torch.contiguous_format,
    )
    for window, top, left in zip(result.unbind(), windows.tops, windows.lefts, strict=True):
        top, left = top + padding[0], left + padding[1]
        window.copy_(maps[0, ..., top : top + height, left : left + width])
    paste(patches, result.unbind(), zip(windows.tops, windows.lefts, strict=True))
    return result


def paste(patches: Patches, targets: Iterable[Tensor], corners: Iterable[tuple[int, int]]) -> None:
    """Paste each patch into its target, ... x H x W, as far as the two overlap.

    A corner is the row and column of the patches' maps at which the target begins, (0, 0) for a whole map.
    """
    windows = patches.windows
    origins = zip(windows.tops, windows.lefts, strict=True)
    for target, corner, patch, origin in zip(targets, corners, patches.values.unbind(), origins, strict=True):
        top, left = origin[0] - corner[0], origin[1] - corner[1]
        bottom, right = max(0, top + windows.height), max(0, left + windows.width)
        inside = target[..., max(0, top) : bottom, max(0, left) : right]
        first, before = max(0, -top), max(0, -left)
        inside.copy_(patch[..., first : first + inside.shape[-2], before : before + inside.shape[-1]])


def patched_images(
    image: Tensor,
    positions: Sequence[Position],
    squares: Tensor,
    layout: torch.memory_format = torch.contiguous_format,
) -> Tensor:
    """Copies of the image, one for each position, with the square there replaced: N x 3 x H x W, in this memory layout."""
    pictures = image.expand(len(positions), *image.shape).clone(memory_format=layout)
    for picture, square, (top, left) in zip(pictures, squares, positions, strict=True):
        picture[:, top : top + square.shape[1], left : left + square.shape[2]] = square
    return pictures
