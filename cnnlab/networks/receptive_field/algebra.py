"""Arithmetic of receptive fields along one axis of the image, and for a map of units (rows and columns).

For each position the first and the last pixel that it sees are kept, clipped at the borders and without them. For the positions
that an operation reads see `cnnlab.networks.receptive_field.rules`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

# First and last pixel of a unit that sees no pixel, chosen so that minimum and maximum with other units return those of the others.
EMPTY_INTERVAL = (np.iinfo(np.int64).max, -1)


@dataclass(frozen=True, eq=False)
class Axis:
    """Fields of the positions along one axis of the image.

    Position i sees the pixels `first[i]` to `last[i]` inclusive. `low[i]` to `high[i]` is its field without borders, and `inside[i]` tells
    whether no border clips it; from one position to the next, fields move by `stride` pixels on average.
    """

    first: np.ndarray
    last: np.ndarray
    low: np.ndarray
    high: np.ndarray
    inside: np.ndarray
    stride: Fraction

    @classmethod
    def identity(cls, length: int) -> Axis:
        """The image itself: pixel i sees pixel i."""
        pixels = np.arange(length)
        return cls(pixels, pixels, pixels, pixels, np.ones(length, dtype=bool), Fraction(1))

    def __len__(self) -> int:
        return len(self.first)

    def gather(self, sources: np.ndarray, ratio: Fraction | int) -> Axis:
        """The axis behind an operation whose position i reads the positions `sources[i]` (n x k) of this one.

        Positions outside this axis are padding, which sees nothing. `ratio` is the number of positions of this axis
        for one step behind the operation: the stride of a convolution.
        """
        in_range = (sources >= 0) & (sources < len(self))
        nearest = sources.clip(0, len(self) - 1)
        first = np.where(in_range, self.first[nearest], EMPTY_INTERVAL[0]).min(axis=1)
        last = np.where(in_range, self.last[nearest], EMPTY_INTERVAL[1]).max(axis=1)
        # Without a border the axis would go on in steps of `stride`.
        moved, parts = (sources - nearest) * self.stride.numerator, self.stride.denominator
        low = (self.low[nearest] + moved // parts).min(axis=1)
        high = (self.high[nearest] - -moved // parts).max(axis=1)
        inside = (in_range & self.inside[nearest]).all(axis=1)
        return Axis(first, last, low, high, inside, self.stride * ratio)

    def union(self, other: Axis) -> Axis:
        """Both branches of an addition or concatenation; an axis with one position is broadcast to the other."""
        first, last = np.minimum(self.first, other.first), np.maximum(self.last, other.last)
        if self.stride != other.stride or len(self) != len(other):
            return _alike(first, last)
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Axis(first, last, low, high, self.inside & other.inside, self.stride)

    def broadcast(self, length: int = 1) -> Axis:
        """`length` positions, each of which sees what all positions of this axis see together."""
        return _alike(np.full(length, self.first.min()), np.full(length, self.last.max()))

    def interval(self, position: int) -> tuple[int, int]:
        """First pixel that the position sees, and first pixel behind; (0, 0) if it sees none."""
        first, last = int(self.first[position]), int(self.last[position])
        return (first, last + 1) if last >= first else (0, 0)

    def geometry(self) -> tuple[int, int, float]:
        """Size, offset and stride of the unclipped fields; behind an upsampling the largest size, and a fraction as the stride."""
        stride = int(self.stride) if self.stride.denominator == 1 else float(self.stride)
        sizes = self.high - self.low + 1
        return int(sizes[self.inside].max() if self.inside.any() else sizes.max()), int(self.low[0]), stride


@dataclass(frozen=True, eq=False)
class Field:
    """Fields of a map of units, whose rows and columns are the last two axes of its tensor.

    Of kind "flat", the values still have positions in such a map, but in a tensor of another shape (behind
    flattening). Of kind "whole", they have no positions, and all see the same (a fully connected layer).
    """

    rows: Axis
    columns: Axis
    kind: Literal["map", "flat", "whole"] = "map"

    def union(self, other: Field) -> Field:
        """The smallest boxes around the fields of both."""
        both = Field(self.rows.union(other.rows), self.columns.union(other.columns))
        kinds = {self.kind, other.kind}
        if kinds == {"flat"}:
            return both.flatten()
        return both.collapse() if kinds in ({"whole"}, {"whole", "flat"}) else both

    def flatten(self) -> Field:
        """The same units in a tensor of another shape."""
        return Field(self.rows, self.columns, "flat")

    def collapse(self) -> Field:
        """Units without positions, each of which sees what all units together see."""
        return Field(self.rows.broadcast(), self.columns.broadcast(), "whole")

    def expand(self, height: int, width: int) -> Field:
        """Height x width units, each of which sees what all units together see."""
        return Field(self.rows.broadcast(height), self.columns.broadcast(width))


def _alike(first: np.ndarray, last: np.ndarray) -> Axis:
    """An axis whose positions do not move: the geometry of each is what all of them see together."""
    low, high = int(first.min()), int(last.max())
    if high < low:
        low, high = 0, -1
    size = np.ones(len(first), dtype=np.int64)
    return Axis(first, last, low * size, high * size, size > 0, Fraction(0))
