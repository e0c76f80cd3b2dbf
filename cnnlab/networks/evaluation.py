"""How good a network is on pictures with known labels: accuracy, confidence, calibration, and what it takes for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.inputs import positive_int
from cnnlab.networks.batches import plain_batches
from cnnlab.networks.modes import evaluating


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Fields
    ------
    accuracy
        Share of the pictures whose first answer is right.
    confidence_median
        Median probability of the first answer, right or wrong.
    calibration_error
        Expected calibration error (`expected_calibration_error`).
    per_class
        C shares: of the pictures of each class, how many are right; NaN for a class without pictures.
    confusion
        C x C counts; the row is the true class, the column the answer.
    """

    accuracy: float
    confidence_median: float
    calibration_error: float
    per_class: Tensor
    confusion: Tensor


def evaluate(model: nn.Module, dataset: Any, batch_size: int = 250) -> Evaluation:
    """Asks `model` about every picture of `dataset`; the model's mode is left as it was.

    >>> from cnnlab import load, world
    >>> evaluate(load("mini_alexnet"), world.dataset("validation")).accuracy  # doctest: +SKIP
    0.97
    """
    positive_int(batch_size, "batch_size")
    if len(dataset) == 0:
        raise ValueError("the data set has no pictures, so there is nothing to evaluate.")
    probabilities = predict(model, dataset, batch_size)
    labels = torch.as_tensor(dataset.labels)
    confidence, answers = probabilities.max(1)
    right = answers == labels
    classes = probabilities.shape[1]
    confusion = torch.bincount(labels * classes + answers, minlength=classes**2).view(classes, classes)
    return Evaluation(
        accuracy=right.double().mean().item(),
        confidence_median=confidence.median().item(),
        calibration_error=expected_calibration_error(confidence, right),
        per_class=confusion.diagonal() / confusion.sum(1),
        confusion=confusion,
    )


def predict(model: nn.Module, dataset: Any, batch_size: int = 250) -> Tensor:
    """N x C class probabilities for every picture of `dataset`, on the CPU."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with evaluating(model), torch.inference_mode():
        answers = [model(images).softmax(1).cpu() for images, _ in plain_batches(dataset, batch_size, device)]
    return torch.cat(answers)


def expected_calibration_error(confidence: Tensor, right: Tensor, bins: int = 15) -> float:
    """How far confidence is from accuracy: the sum over equal bins of confidence of (share in bin) * |accuracy - mean confidence|.

    Zero for a network that is right in 80 of 100 cases in which it says 80 %. Guo, Pleiss, Sun & Weinberger (2017), eq. 3.
    """
    number = (confidence.double() * bins).ceil().long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(0, number, right.double() - confidence.double())
    return gaps.abs().sum().item() / len(confidence)
