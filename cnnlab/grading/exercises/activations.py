"""The exercises of notebook 03, activations and patches."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def strongest(answer: Callable[[Tensor, int, int], Tensor]) -> str | None:
    """`answer(maps, unit, k)`: the k pictures in whose map the unit is strongest anywhere, strongest first."""
    maps = torch.randn(12, 4, 5, 6, generator=torch.Generator().manual_seed(2))
    maps[3, 1] = -9.0
    maps[3, 1, 2, 2], maps[7, 1] = 8.0, 1.1  # one strong place, and a map that is everywhere a little
    unit, k = 1, 4
    result = torch.as_tensor(require_attempt(answer(maps.clone(), unit, k))).flatten().long()
    peak = maps[:, unit].amax((1, 2))
    if result.tolist() == peak.argsort(descending=True)[:k].tolist():
        return None
    mistakes = {
        "that is the mean over all places; one strong place is enough to make a unit fire": maps[:, unit]
        .mean((1, 2))
        .argsort(descending=True)[:k],
        "the weakest come first; sort descending": peak.argsort()[:k],
        "these are the pictures of another unit: units are the second axis": maps[unit]
        .amax((1, 2))
        .argsort(descending=True)[:k],
        "the right pictures, but the strongest must come first": peak.argsort(descending=True)[:k]
        .sort()
        .values,
    }
    for hint, wrong in mistakes.items():
        if result.tolist() == wrong.tolist():
            return hint
    if len(result) != k:
        return f"{k} pictures were asked for, you give {len(result)}"
    return "take the largest value over all places of maps[:, unit], then the k pictures where it is largest"


def agreement(answer: Callable[[list[str]], float]) -> str | None:
    """`answer(labels)`: the share of pairs of two different patches that have the same label."""
    cases = (["leg"] * 4, ["leg", "leg", "tail"], ["a", "b", "c", "d"], ["a", "a", "b", "b", "b"])
    for labels in cases:
        k = len(labels)
        same = sum(labels[i] == labels[j] for i in range(k) for j in range(i))
        result = float(require_attempt(answer(list(labels))))
        if abs(result - same / (k * (k - 1) / 2)) < 1e-6:
            continue
        counts = [labels.count(name) for name in set(labels)]
        if abs(result - sum(c * c for c in counts) / k**2) < 1e-6:
            return "a patch is no pair with itself: leave out the pairs (i, i)"
        if abs(result - max(counts) / k) < 1e-6:
            return "this is the share of the commonest label; count pairs"
        if abs(result - same) < 1e-6:
            return "this counts the pairs; divide by how many pairs there are"
        return f"for {labels} you give {result:.3f}; write down its {k * (k - 1) // 2} pairs"
    return None


EXERCISES: dict[str, Exercise] = {
    "03.strongest": strongest,
    "03.agreement": agreement,
}
