"""Arithmetic of receptive fields along one axis of the image, and for a map of units (rows and columns).

For each position the first and the last pixel that it sees are kept, clipped at the borders, and also the offset, size and
stride of the unclipped fields. For the positions that an operation reads see
`cnnlab.networks.receptive_field.rules`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

# First and last pixel of a unit that sees no pixel, chosen so that minimum and maximum with other units return those of the others.
EMPTY_INTERVAL = (np.iinfo(np.int64).max, -1)


@dataclass(frozen=True, eq=False)
class Axis:
    """Fields of the positions along one axis: `first[i]` to `last[i]` inclusive, and the geometry of the unclipped fields."""

    first: np.ndarray
    last: np.ndarray
    offset: Fraction
    size: Fraction
    stride: Fraction

    @classmethod
    def identity(cls, length: int) -> Axis:
        """The image itself: pixel i sees pixel i."""
        pixels = np.arange(length)
        return cls(pixels, pixels, Fraction(0), Fraction(1), Fraction(1))

    def __len__(self) -> int:
        return len(self.first)

    def gather(self, sources: np.ndarray, ratio: Fraction | int) -> Axis:
        """The axis behind an operation whose position i reads the positions `sources[i]` (n x k) of this one.

        Positions outside this axis are padding, which sees nothing. `ratio` is the number of positions of this axis
        for one step behind the operation: the stride of a convolution.
        """
        in_range = (sources >= 0) & (sources < len(self))
        clipped = sources.clip(0, len(self) - 1)
        first = np.where(in_range, self.first[clipped], EMPTY_INTERVAL[0]).min(axis=1)
        last = np.where(in_range, self.last[clipped], EMPTY_INTERVAL[1]).max(axis=1)
        low, high = sources.min(axis=1), sources.max(axis=1)
        offset = self.offset + int(low[0]) * self.stride
        size = self.size + int((high - low).max()) * self.stride
        return Axis(first, last, offset, size, self.stride * ratio)

    def union(self, other: Axis) -> Axis:
        """Both branches of an addition or concatenation; an axis with one position is broadcast to the other."""
        first, last = np.minimum(self.first, other.first), np.maximum(self.last, other.last)
        if self.stride != other.stride or len(self) != len(other):
            return Axis(first, last, *_extent(first, last), Fraction(0))
        offset = min(self.offset, other.offset)
        end = max(self.offset + self.size, other.offset + other.size)
        return Axis(first, last, offset, end - offset, self.stride)

    def broadcast(self, length: int = 1) -> Axis:
        """`length` positions, each of which sees what all positions of this axis see together."""
        first, last = np.full(length, self.first.min()), np.full(length, self.last.max())
        return Axis(first, last, *_extent(first, last), Fraction(0))

    def interval(self, position: int) -> tuple[int, int]:
        """First pixel that the position sees, and first pixel behind; (0, 0) if it sees none."""
        first, last = int(self.first[position]), int(self.last[position])
        return (first, last + 1) if last >= first else (0, 0)

    def geometry(self) -> tuple[int, int, float]:
        """Size, offset and stride of the unclipped fields; the stride is a fraction behind an upsampling."""
        stride = int(self.stride) if self.stride.denominator == 1 else float(self.stride)
        return math.ceil(self.size), math.floor(self.offset), stride


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


def _extent(first: np.ndarray, last: np.ndarray) -> tuple[Fraction, Fraction]:
    low, high = int(first.min()), int(last.max())
    return (Fraction(low), Fraction(high - low + 1)) if high >= low else (Fraction(0), Fraction(0))
