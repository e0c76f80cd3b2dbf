"""Streaming quantile: the largest values of each unit, from activations in batches, and the threshold that bounds a given share of them."""

from __future__ import annotations

from math import ceil, floor

import torch
from torch import Tensor

MAX_POOL_SIZE = 25_000


def thinning(fraction: float, total: int) -> int:
    """s, where one in s of `total` values is used so that the share `fraction` of them is no more than 25 000; 1 for all."""
    return max(1, ceil(fraction * total / MAX_POOL_SIZE))


class StreamingQuantile:
    """Streaming quantile of each of U units, from the largest of a known number of values that come in batches.

    Each value has a number, its place among all. `threshold()` is exact as long as no more than 25 000 values of a unit lie above it,
    and `above(unit)` then says where these are. Beyond that only one in s values, sampled at random, is used, with the smallest s that
    keeps to this bound; the share above the threshold is then accurate to 1 part in 160 (one standard deviation, for independent
    values). Memory is at most one and a half times the bound for each unit (300 kB), and does not grow with the number of images.

    Parameters
    ----------
    units
        Number of units.
    fraction
        Largest share of all values that may lie above the threshold.
    total
        Largest number of values of each unit, below 2^31.
    seed
        Seed of the sampling, where it is needed.
    dtype
        Float type of the values.

    Attributes
    ----------
    thinning
        s, 1 where all values are used.
    bounds
        U numbers: a value that is no larger than its unit's is not among the largest, and need not be added.
    """

    def __init__(
        self, units: int, fraction: float, total: int, seed: int = 0, dtype: torch.dtype = torch.float32
    ):
        self.fraction = fraction
        self.thinning = thinning(fraction, total)
        self.bounds = torch.full((units,), -torch.inf, dtype=dtype)
        self._pool_size = floor(fraction * total / self.thinning) + 1
        self._count = 0
        self._pools: list[tuple[Tensor, Tensor] | None] = [None] * units
        self._generator = torch.Generator().manual_seed(seed)

    def sample(self, count: int) -> Tensor | None:
        """Count `count` further values of each unit: which of them are used, as booleans, or None for all."""
        if self.thinning == 1:
            self._count += count
            return None
        chosen = torch.randperm(count, generator=self._generator)[: ceil(count / self.thinning)]
        self._count += len(chosen)
        return torch.zeros(count, dtype=torch.bool).index_fill_(0, chosen, True)

    def add(self, unit: int, values: Tensor, numbers: Tensor) -> None:
        """Add further values of a unit, and their numbers."""
        numbers = numbers.to(torch.int32)  # half as much to keep
        if (pool := self._pools[unit]) is not None:
            values, numbers = torch.cat([pool[0], values]), torch.cat([pool[1], numbers])
        if len(values) > 1.5 * self._pool_size:
            values, order = values.topk(self._pool_size, sorted=False)
            numbers = numbers[order]
            self.bounds[unit] = values.min()
        self._pools[unit] = values, numbers

    def threshold(self) -> Tensor:
        """U thresholds: the smallest value of each unit that no more than the share of all values exceed."""
        exceeding = floor(self.fraction * self._count)
        thresholds = self.bounds.clone()  # A pool that is too small has lost only values equal to its bound.
        for unit, pool in enumerate(self._pools):
            if pool is not None:
                largest = pool[0].topk(min(exceeding + 1, len(pool[0]))).values
                if len(largest) > exceeding:
                    thresholds[unit] = largest[-1]
        return thresholds

    def above(self, unit: int, threshold: Tensor) -> Tensor:
        """The numbers of the unit's values above its threshold; exact where `thinning` is 1."""
        if (pool := self._pools[unit]) is None:
            return torch.empty(0, dtype=torch.int32)
        return pool[1][pool[0] > threshold]
