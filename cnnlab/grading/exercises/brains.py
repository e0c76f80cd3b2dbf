"""The exercises of notebook 18, networks and brains."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def dissimilarity(answer: Callable[[Tensor], Tensor]) -> str | None:
    """`answer(features)`: 1 - correlation of each two rows (pictures) of N x D numbers, N x N."""
    features = torch.randn(6, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 3
    features[:, 0] += 4
    result = torch.as_tensor(require_attempt(answer(features.clone()))).double()
    right = 1 - torch.corrcoef(features)
    if result.shape != right.shape:
        return f"6 pictures make a table of 6 x 6, yours is {' x '.join(map(str, result.shape))}"
    if torch.allclose(result, right, atol=1e-4):
        return None
    unit = features / features.norm(dim=1, keepdim=True)
    mistakes = {
        "this is how alike they are; take it from 1": 1 - right,
        "this compares the units with one another; a row is a picture": 1 - torch.corrcoef(features.T),
        "this is the angle without taking off the mean of each row first": 1 - unit @ unit.T,
        "this is the distance; take the correlation, which does not mind how strong the responses are": torch.cdist(
            features, features
        ),
    }
    for hint, wrong in mistakes.items():
        if torch.allclose(result, wrong, atol=1e-4):
            return hint
    return (
        "take off the mean of each row, bring each row to length 1, multiply with its transpose, take from 1"
    )


def fano(answer: Callable[[Tensor], Tensor]) -> str | None:
    """`answer(activations)`: for each of S sites the variance over trials divided by the mean, of N x S x T counts."""
    generator = torch.Generator().manual_seed(4)
    means = torch.tensor([3.0, 9.0, 20.0]) * (0.3 + torch.rand(40, 3, generator=generator))
    counts = torch.poisson(means[:, :, None].expand(-1, -1, 10).contiguous(), generator=generator).double()
    result = torch.as_tensor(require_attempt(answer(counts.clone()))).double()
    if result.shape != (3,):
        return f"one number for each of 3 sites is expected, {tuple(result.shape)} came"
    mean, within = counts.mean((0, 2)), counts.var(2).mean(0)
    if torch.allclose(result, within / mean, rtol=0.12):  # T or T - 1; mean of ratios or ratio of means
        return None
    averaged = counts.mean(2).var(0)
    mistakes = {
        "this holds what differs between pictures: that is signal; take the variance over the trials of one picture": (
            averaged + within
        )
        / mean,
        "this is the variance of the means over pictures: that is signal, not noise": averaged / mean,
        "this is the deviation; the variance is its square": counts.std(2).mean(0) / mean,
        "the variance is there; divide it by the mean": within,
    }
    for hint, wrong in mistakes.items():
        if torch.allclose(result, wrong, rtol=0.12):
            return hint
    return "responses.var over the trials, mean over the pictures, divided by the mean over both"


EXERCISES: dict[str, Exercise] = {
    "18.dissimilarity": dissimilarity,
    "18.fano": fano,
}
