"""The exercises of notebook 16, retrieval."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def pooled(answer: Callable[[Tensor], Tensor]) -> str | None:
    """`answer(maps)`: maps N x C x h x w summed over their places and brought to length 1, N x C."""
    maps = (
        torch.rand(4, 5, 3, 6, generator=torch.Generator().manual_seed(6))
        * torch.arange(1.0, 6)[:, None, None]
    )
    result = torch.as_tensor(require_attempt(answer(maps.clone()))).float()
    summed = maps.sum((2, 3))
    if result.shape != summed.shape:
        return f"a code has one number for each channel, 4 x 5 here; you give {' x '.join(map(str, result.shape))}"
    if torch.allclose(result, torch.nn.functional.normalize(summed), atol=1e-5):
        return None
    mistakes = {
        "the sum is right; now divide each code by its own length": summed,
        "divide each code by its own length: this divides by the length of all codes together": summed
        / summed.norm(),
        "this divides each channel by its length over the pictures; divide each picture's code by its own": summed
        / summed.norm(dim=0),
        "this takes the largest place of each map; sum over all places": torch.nn.functional.normalize(
            maps.amax((2, 3))
        ),
        "this divides by the sum of the code; its length is the root of the sum of squares": summed
        / summed.sum(1, keepdim=True),
    }
    for hint, wrong in mistakes.items():
        if torch.allclose(result, wrong, atol=1e-5):
            return hint
    return "sum over the last two axes, then divide each row by the root of its sum of squares"


def precision(answer: Callable[[Sequence[bool]], float]) -> str | None:
    """`answer(relevant)`: average precision of a ranking, given whether the item at each rank is relevant."""
    cases = ([True, False, True, False, False], [False, False, True, True, False], [True, True, False])
    for relevant in cases:
        hits = [sum(relevant[: rank + 1]) / (rank + 1) for rank in range(len(relevant))]
        values = [value for value, hit in zip(hits, relevant, strict=True) if hit]
        result = float(require_attempt(answer(list(relevant))))
        if abs(result - sum(values) / len(values)) < 1e-6:
            continue
        if abs(result - sum(hits) / len(hits)) < 1e-6:
            return "this averages the precision at all ranks; only ranks with a relevant item count"
        if abs(result - sum(values) / len(relevant)) < 1e-6:
            return "divide by the number of relevant items, not by the length of the ranking"
        if abs(result - sum(relevant) / len(relevant)) < 1e-6:
            return "this is the share of relevant items; it does not ask where they stand"
        if abs(result - sum(hit / (r + 1) for r, hit in enumerate(relevant)) / sum(relevant)) < 1e-6:
            return "at each hit count all relevant items so far, not one"
        return f"for {relevant} you give {result:.3f}; at each hit write down hits so far / rank"
    return None


def whiten(answer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> str | None:
    """`answer(codes, mean, axes, deviation)`: N x D codes in d axes (d x D), each divided by its deviation, N x d."""
    generator = torch.Generator().manual_seed(7)
    codes, mean = torch.randn(6, 4, generator=generator) + 2, torch.randn(4, generator=generator)
    axes = torch.linalg.qr(torch.randn(4, 4, generator=generator))[0][:3]
    deviation = torch.tensor([3.0, 1.5, 0.5])
    result = torch.as_tensor(
        require_attempt(answer(codes.clone(), mean.clone(), axes.clone(), deviation.clone()))
    ).float()
    projected = (codes - mean) @ axes.T
    if result.shape != projected.shape:
        return f"6 codes in 3 axes are 6 x 3 numbers; you give {' x '.join(map(str, result.shape))}"
    if torch.allclose(result, projected / deviation, atol=1e-5):
        return None
    mistakes = {
        "projected, but not whitened: divide each column by its deviation": projected,
        "this multiplies by the deviation, so the strong axes become stronger; divide": projected * deviation,
        "the deviation is a root already; divide by it, not by its square": projected / deviation**2,
        "take the mean off before you project": codes @ axes.T / deviation,
        "use the mean that is given: it is that of the other split": (codes - codes.mean(0))
        @ axes.T
        / deviation,
    }
    for hint, wrong in mistakes.items():
        if torch.allclose(result, wrong, atol=1e-5):
            return hint
    return "subtract the mean, multiply by the transposed axes, divide each column by its deviation"


EXERCISES: dict[str, Exercise] = {
    "16.pooled": pooled,
    "16.precision": precision,
    "16.whiten": whiten,
}
