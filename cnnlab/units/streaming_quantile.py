"""Streaming quantile: the threshold that a unit exceeds at a given share of all positions, from activations in batches."""

from __future__ import annotations

from math import ceil, floor

import torch
from torch import Tensor

MAX_POOL_SIZE = 25_000


class StreamingQuantile:
    """Streaming quantile of each of U units, from the largest of a known number of values that come in batches.

    `threshold()` is exact as long as no more than 25 000 values of a unit lie above it. Beyond that only one in s values,
    sampled at random, is used, with the smallest s that keeps to this bound; the share above the threshold is then
    accurate to 1 part in 160 (one standard deviation, for independent values). Memory is at most twice
    the bound for each unit (200 kB), and does not grow with the number of images.

    Parameters
    ----------
    fraction
        Largest share of all values that may lie above the threshold.
    total
        Largest number of values of each unit.
    seed
        Seed of the sampling, where it is needed.
    """

    def __init__(self, fraction: float, total: int, seed: int = 0):
        self.fraction = fraction
        self.thinning = max(1, ceil(fraction * total / MAX_POOL_SIZE))
        self._pool_size = floor(fraction * total / self.thinning) + 1
        self._count = 0
        self._pools: list[Tensor] = []
        self._bounds: list[float] = []
        self._generator = torch.Generator().manual_seed(seed)

    def add(self, values: Tensor) -> None:
        """Add U x M further values."""
        if self.thinning > 1:
            order = torch.randperm(values.shape[1], generator=self._generator)
            values = values[:, order[: ceil(len(order) / self.thinning)].to(values.device)]
        if not self._pools:
            self._pools = [row[:0] for row in values]
            self._bounds = [-torch.inf] * len(values)
        self._count += values.shape[1]
        for unit, row in enumerate(values):
            # A value below the smallest of the largest so far will never be among them.
            pool = torch.cat([self._pools[unit], row[row > self._bounds[unit]]])
            if len(pool) > 2 * self._pool_size:
                pool = pool.topk(self._pool_size, sorted=False).values
                self._bounds[unit] = float(pool.min())
            self._pools[unit] = pool

    def threshold(self) -> Tensor:
        """U thresholds: the smallest value of each unit that no more than the share of all values exceed."""
        exceeding = floor(self.fraction * self._count)
        thresholds = []
        for pool, bound in zip(self._pools, self._bounds, strict=True):
            largest = pool.topk(min(exceeding + 1, len(pool))).values
            # A pool that is too small has lost only values equal to its bound.
            thresholds.append(largest[-1] if len(largest) > exceeding else pool.new_tensor(bound))
        return torch.stack(thresholds)
