"""The exercises of notebook 02, filters."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def filter_picture(answer: Callable[[Tensor], Tensor]) -> str | None:
    """`answer(weights)`: a filter 3 x k x k as a picture in [0, 1]: grey where the weight is zero, the largest in full colour."""
    weights = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(6)) * 0.1
    weights[1, 2, 3] = 0.6
    original = weights.clone()
    result = require_attempt(answer(weights))
    if not isinstance(result, Tensor):
        return f"return a tensor, not {type(result).__name__}"
    if not torch.equal(weights, original):
        return "the weights that were passed in have changed; make a new tensor of them"
    if result.shape != weights.shape:
        return f"a filter of 3 x 5 x 5 is a picture of 3 x 5 x 5; yours is {tuple(result.shape)}"
    expected = 0.5 + weights / (2 * 0.6)
    if torch.allclose(result, expected, atol=1e-5):
        return None
    low, high = weights.min(), weights.max()
    each = weights.abs().flatten(1).amax(1)[:, None, None]
    mistakes = {
        "with minimum and maximum at the ends, zero is not grey: positive and negative weights cannot be told apart": (
            weights - low
        )
        / (high - low),
        "each colour has a scale of its own here; one scale for all three, or their balance is lost": 0.5
        + weights / (2 * each),
        "the strongest weight leaves [0, 1]: 0.5 is all the room there is on either side": 0.5
        + weights / 0.6,
        "this leaves the sign out: a weight of -w is the opposite of w, not the same": weights.abs() / 0.6,
        "scale before you clip: these weights have kept their own size": (0.5 + weights).clamp(0, 1),
    }
    for hint, wrong in mistakes.items():
        if torch.allclose(result, wrong, atol=1e-5):
            return hint
    return "a weight of zero gives 0.5, one as large as the largest gives 1 (or 0, if it is negative); print both of yours"


def explained(answer: Callable[[Tensor, Tensor], float]) -> str | None:
    """`answer(weights, fit)`: the share of the filter's variance that a fit explains, R2."""
    generator = torch.Generator().manual_seed(7)
    weights = torch.randn(3, 6, 6, generator=generator) + 0.8
    for noise in (0.2, 1.5):
        fit = weights + noise * torch.randn(3, 6, 6, generator=generator)
        result = float(require_attempt(answer(weights, fit)))
        left, mean = float(((weights - fit) ** 2).sum()), float(weights.mean())
        total = float(((weights - mean) ** 2).sum())
        if abs(result - (1 - left / total)) < 1e-4:
            continue
        mistakes = {
            "the whole is the variance: take the mean of the weights away before you square": 1
            - left / float((weights**2).sum()),
            "this is the share that is left; explained is 1 minus that": left / total,
            "no share can be cut off at 0: a bad fit is worse than the mean, and R2 says so": max(
                0.0, 1 - left / total
            ),
        }
        for hint, wrong in mistakes.items():
            if abs(result - wrong) < 1e-4:
                return hint
        return f"for a fit that leaves {left:.2f} of {total:.2f} you give {result:.3f}"
    return None


EXERCISES: dict[str, Exercise] = {
    "02.filter_picture": filter_picture,
    "02.explained": explained,
}
