"""The rows of the report on the shipped networks, and the pictures on which all rows are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache as remember
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab import world
from cnnlab.networks import load


@dataclass(frozen=True)
class ReportRow:
    """One row of the report: a phenomenon, its criterion, and the measured values.

    Attributes
    ----------
    phenomenon
        Name of the phenomenon.
    criterion
        What the values must be for it to count as shown, in words.
    values
        The measured numbers, by name.
    passed
        Whether they meet the criterion.
    """

    phenomenon: str
    criterion: str
    values: Mapping[str, float]
    passed: bool


@remember
def network(name: str) -> nn.Module:
    """A shipped network, loaded once for all rows."""
    return load(name)


@remember
def pictures(count: int, **options: Any) -> world.Dataset:
    """The first `count` pictures of the validation split, which is not used for training."""
    return world.dataset("validation", n=count, **options)


def images_of(data: world.Dataset) -> Tensor:
    """All pictures at once: N x 3 x H x W in [0, 1]."""
    return data.images.float() / 255


def predictions(model: nn.Module, data: world.Dataset, batch_size: int = 100) -> Tensor:
    """N indices of the predicted classes."""
    with torch.inference_mode():
        return torch.cat([model(batch.float() / 255).argmax(1) for batch in data.images.split(batch_size)])


def accuracy(model: nn.Module, data: world.Dataset) -> float:
    """Accuracy: share of correct predictions."""
    return float((predictions(model, data) == data.labels).double().mean())
