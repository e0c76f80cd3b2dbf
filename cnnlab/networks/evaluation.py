"""Evaluation of a network on labelled images: accuracy, confidence, calibration and confusion matrix.

Where each pixel has its own label, the accuracy is the mean intersection over union of the classes: since most pixels are background, a
network that predicts only background would be correct at most of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.networks.data_loading import plain_batches
from cnnlab.networks.forward import class_logits, forward, without_gradients


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate`.

    Fields
    ------
    accuracy
        Share of the images whose top prediction is correct; for masks, the mean of `per_class`.
    confidence_median
        Median probability of the top prediction, correct or not; for masks, over every fourth pixel of every fourth row.
    calibration_error
        Expected calibration error (`expected_calibration_error`).
    per_class
        C shares: of the images of each class, the share that is correct; for masks, intersection over union. NaN for a class without
        images.
    confusion
        C x C counts of images (for masks, of pixels); the row is the true class, the column the predicted one.
    """

    accuracy: float
    confidence_median: float
    calibration_error: float
    per_class: Tensor
    confusion: Tensor


def evaluate(model: nn.Module, dataset: Any, batch_size: int | None = None) -> Evaluation:
    """Evaluate `model` on all images of `dataset`; the model's mode is restored.

    >>> from cnnlab import load, world
    >>> evaluate(load("mini_alexnet"), world.dataset("validation")).accuracy  # doctest: +SKIP
    0.97
    """
    if len(dataset) == 0:
        raise ValueError("the data set has no pictures, so there is nothing to evaluate.")
    if dataset.labels.ndim == 3:
        return evaluate_masks(model, dataset, batch_size)
    probabilities = predict(model, dataset, batch_size)
    labels = torch.as_tensor(dataset.labels)
    confidence, predictions = probabilities.max(1)
    correct = predictions == labels
    confusion = confusion_matrix(labels, predictions, probabilities.shape[1])
    return Evaluation(
        accuracy=correct.double().mean().item(),
        confidence_median=confidence.median().item(),
        calibration_error=expected_calibration_error(confidence, correct),
        per_class=confusion.diagonal() / confusion.sum(1),
        confusion=confusion,
    )


def evaluate_masks(model: nn.Module, dataset: Any, batch_size: int | None = None) -> Evaluation:
    """Evaluation where labels are N x H x W: counted batch by batch, since all probabilities at once would take gigabytes."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    confusion: Tensor | int = 0
    confidences, correct_parts = [], []
    with without_gradients(model):
        for images, labels in plain_batches(dataset, batch_size, device):
            logits = forward(model, images)
            if logits.dim() != 4:
                raise ValueError(
                    "the labels are masks, but the network gives one answer a picture; it takes N x C x H x W logits."
                )
            confidence, predictions = logits.softmax(1).max(1)
            confusion = confusion + confusion_matrix(labels, predictions, logits.shape[1])
            confidences.append(confidence[:, ::4, ::4].flatten().cpu())
            correct_parts.append((predictions == labels)[:, ::4, ::4].flatten().cpu())
    confidence, confusion = torch.cat(confidences), confusion.clone()
    return Evaluation(
        accuracy=accuracy_from_confusion(confusion, masks=True),
        confidence_median=confidence.median().item(),
        calibration_error=expected_calibration_error(confidence, torch.cat(correct_parts)),
        per_class=intersection_over_union(confusion),
        confusion=confusion,
    )


def confusion_matrix(labels: Tensor, predictions: Tensor, classes: int) -> Tensor:
    """Confusion matrix, C x C counts on the CPU: the row is the label, the column the prediction. Labels below 0 are left out."""
    valid = labels >= 0
    pairs = labels[valid] * classes + predictions[valid]
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes).cpu()


def intersection_over_union(confusion: Tensor) -> Tensor:
    """Intersection over union of each class: correct pixels over all that have or are given the class; NaN for a class that never occurs.

    IoU_c = n_cc / (sum_j n_cj + sum_i n_ic - n_cc), with n_ij pixels of class i predicted as j (Long et al., 2015, section 5).
    """
    correct = confusion.diagonal().double()
    return correct / (confusion.sum(0) + confusion.sum(1) - correct)


def accuracy_from_confusion(confusion: Tensor, *, masks: bool) -> float:
    """Accuracy: the share of correct predictions; for masks, the mean intersection over union of the classes that occur."""
    if masks:
        return intersection_over_union(confusion).nanmean().item()
    return confusion.diagonal().sum().item() / confusion.sum().item()


def predict(model: nn.Module, dataset: Any, batch_size: int | None = None) -> Tensor:
    """N x C class probabilities for every picture of `dataset`, on the CPU."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with without_gradients(model):
        predictions = [
            class_logits(model, images).softmax(1).cpu()
            for images, _ in plain_batches(dataset, batch_size, device)
        ]
    return torch.cat(predictions)


def expected_calibration_error(confidence: Tensor, correct: Tensor, bins: int = 15) -> float:
    """Expected calibration error (ECE): the sum over equal bins of confidence of (share in bin) * |accuracy - mean confidence|.

    Zero for a network that is correct in 80 of 100 cases in which its confidence is 80 %. Guo, Pleiss, Sun & Weinberger (2017), eq. 3.
    """
    number = (confidence.double() * bins).ceil().long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(
        0, number, correct.double() - confidence.double()
    )
    return gaps.abs().sum().item() / len(confidence)
