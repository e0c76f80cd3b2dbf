"""The upper tail of what units give, from pictures that stream by: which value is passed in half a per cent of the places?"""

from __future__ import annotations

from math import ceil, floor

import torch
from torch import Tensor

MAX_POOL_SIZE = 25_000


class StreamingQuantile:
    """The largest values of each of U units, out of a known number of values that come in batches.

    `threshold()` is exact as long as no more than 25 000 values of a unit lie above it. Beyond that only one in s values,
    drawn at random, is looked at, with the smallest s that keeps to this bound; the share above the threshold is then
    right to 1 part in 160 (one standard deviation, for values that do not depend on each other). Memory is at most twice
    the bound for each unit (200 kB), and does not grow with the number of pictures.

    Parameters
    ----------
    fraction
        Which share of all values shall lie above the threshold, at most.
    total
        How many values of each unit will come, at most.
    seed
        For the drawing, where it is needed.
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
        """Take in U x M further values."""
        if self.thinning > 1:
            order = torch.randperm(values.shape[1], generator=self._generator)
            values = values[:, order[: ceil(len(order) / self.thinning)].to(values.device)]
        if not self._pools:
            self._pools = [row[:0] for row in values]
            self._bounds = [-torch.inf] * len(values)
        self._count += values.shape[1]
        for unit, row in enumerate(values):
            # Whatever does not pass the smallest of the largest so far will never be among them.
            pool = torch.cat([self._pools[unit], row[row > self._bounds[unit]]])
            if len(pool) > 2 * self._pool_size:
                pool = pool.topk(self._pool_size, sorted=False).values
                self._bounds[unit] = float(pool.min())
            self._pools[unit] = pool

    def threshold(self) -> Tensor:
        """U values: the smallest value of each unit that no more than the share of all values exceed."""
        exceeding = floor(self.fraction * self._count)
        thresholds = []
        for pool, bound in zip(self._pools, self._bounds, strict=True):
            largest = pool.topk(min(exceeding + 1, len(pool))).values
            # A pool too small has lost only values that equal its bound.
            thresholds.append(largest[-1] if len(largest) > exceeding else pool.new_tensor(bound))
        return torch.stack(thresholds)
