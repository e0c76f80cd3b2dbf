"""Occlusion map: the result of an occlusion experiment, and its average for each pixel.

For the experiment see `cnnlab.attribution.occlusion`, for metrics of maps
`cnnlab.attribution.localisation_metrics`, and for plots `cnnlab.figures`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """Result of `occlusion`: the predictions with the occluder at each of R x C positions.

    Attributes
    ----------
    probability
        R x C floats: the probability of the target with the occluder at (row, column); NaN where not yet
        computed.
    predicted
        R x C int64: the predicted class; -1 where not yet computed.
    rows, columns
        R and C int64: the top and the left pixel of the occluder at each position.
    size
        Side of the occluder in pixels.
    target
        Class index whose probability is mapped.
    baseline
        The target's probability for the unoccluded image.
    """

    probability: Tensor
    predicted: Tensor
    rows: Tensor
    columns: Tensor
    size: int
    target: int
    baseline: float

    @property
    def drop(self) -> Tensor:
        """R x C: the drop in probability under the occluder, baseline - probability; below 0 where covering helps."""
        return self.baseline - self.probability

    @property
    def fraction_done(self) -> float:
        """Share of the positions that are computed, in [0, 1]."""
        return float((self.predicted >= 0).double().mean())

    def to_pixels(self, height: int | None = None, width: int | None = None) -> Tensor:
        """height x width: for each pixel, the mean drop over all positions of the occluder that cover it.

        The mean, not the sum: central pixels are covered by more positions than pixels at the border, and
        a sum would make them important for that alone. NaN where no computed position covers the pixel (a stride
        larger than the occluder leaves gaps). `height` and `width` are those of the image; they follow from
        the map and are checked if given.
        """
        sides = int(self.rows[-1]) + self.size, int(self.columns[-1]) + self.size
        if (height or sides[0], width or sides[1]) != sides:
            raise ValueError(
                f"this map belongs to a picture of {sides[0]} x {sides[1]}, not {height} x {width} pixels."
            )
        measured = self.predicted >= 0
        total = self._sum_over_occluders(self.drop.double().where(measured, 0.0), sides)
        count = self._sum_over_occluders(measured.double(), sides)
        return (total / count).to(self.probability.dtype)  # 0 / 0 is NaN: nothing was measured there

    def _sum_over_occluders(self, values: Tensor, sides: tuple[int, int]) -> Tensor:
        """H x W: at each pixel the sum of `values` (R x C) over the positions that cover it."""
        down, right = _coverage(self.rows, self.size, sides[0]), _coverage(self.columns, self.size, sides[1])
        return down.T @ values @ right


def _coverage(starts: Tensor, size: int, length: int) -> Tensor:
    """len(starts) x length: 1 where an occluder that begins at `start` covers the axis, else 0."""
    pixel = torch.arange(length)
    return ((pixel >= starts[:, None]) & (pixel < starts[:, None] + size)).double()
