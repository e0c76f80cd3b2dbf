"""The exercises of notebook 14, networks can learn anything."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def shuffle(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer(images, positions)`: pixel `positions[k]` of each picture comes to place k, counted along the rows."""
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(2))
    positions = torch.randperm(20, generator=torch.Generator().manual_seed(7))
    result = require_attempt(answer(images, positions))
    if not isinstance(result, Tensor) or result.shape != images.shape:
        return "give pictures of the same shape back: flatten the last two axes, pick, and view them as H x W again"
    flat = images.flatten(2)
    expected = flat[:, :, positions].view(images.shape)
    if torch.equal(result, expected):
        return None
    back = flat[:, :, positions.argsort()].view(images.shape)
    if torch.equal(result, back):
        return "that is the way back: pixel k has gone to places[k]; pixel places[k] should come to k"
    if torch.equal(result.flatten(2).sort().values, flat.sort().values):
        return "the pixels are all there, but not at the places asked for"
    if torch.equal(result.flatten(1).sort().values, flat.flatten(1).sort().values):
        return "colours were mixed up: a pixel's three colours stay together, so permute places, not channels"
    return "these are not the picture's pixels any more: each one must occur as often as before"


def expected_true_labels(answer: Callable[[float, int], float]) -> str | None:
    """`answer(share, classes)`: the expected share of labels that are still true when `share` of them is drawn by chance."""
    for share, classes in ((0.5, 10), (0.3, 4), (1.0, 20), (0.0, 20)):
        result = float(require_attempt(answer(share, classes)))
        if math.isclose(result, 1 - share + share / classes, abs_tol=1e-6):
            continue
        if math.isclose(result, 1 - share, abs_tol=1e-6):
            return "a label drawn by chance can be the true one: one in `classes` is"
        if math.isclose(result, share / classes, abs_tol=1e-6):
            return "those are the drawn ones that are true; the labels that were not drawn are true as well"
        if math.isclose(result, share * (1 - 1 / classes), abs_tol=1e-6):
            return "that is the share of wrong labels"
        return f"for a share of {share} and {classes} classes you give {result:.3f}; what is it for a share of 0, and of 1?"
    return None


EXERCISES: dict[str, Exercise] = {"14.shuffle": shuffle, "14.expected_right": expected_true_labels}
