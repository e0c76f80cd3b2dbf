"""Checks of feature vectors and labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def checked_vectors(features: Tensor, what: str = "features", min_rows: int = 1) -> Tensor:
    """`features` as N x D finite floats, without gradient; maps must be flattened by the caller."""
    if not isinstance(features, Tensor) or not features.dtype.is_floating_point:
        received = features.dtype if isinstance(features, Tensor) else type(features).__name__
        raise TypeError(f"{what} must be a float tensor N x D, but got {received}.")
    if features.dim() != 2 or 0 in features.shape or len(features) < min_rows:
        raise ValueError(
            f"{what} must have the axes N x D with at least {min_rows} rows, but came as {tuple(features.shape)};"
            " cnnlab.features.extract_features(...) gives such vectors."
        )
    if not features.isfinite().all():
        raise ValueError(f"{what} hold values that are not finite.")
    return features.detach()


def checked_labels(labels: Tensor | Sequence[int], count: int, what: str = "labels") -> Tensor:
    """`labels` as `count` whole numbers on the CPU."""
    labels = torch.as_tensor(labels).cpu()
    if labels.shape != (count,):
        raise ValueError(
            f"{what} must be {count} numbers, one for each vector, but came as {tuple(labels.shape)}."
        )
    if labels.dtype.is_floating_point:
        raise TypeError(f"{what} must be whole numbers (class indices), but came as {labels.dtype}.")
    return labels
