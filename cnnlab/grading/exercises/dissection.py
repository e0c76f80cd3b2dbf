"""The exercises of notebook 15, network dissection."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def threshold(answer: Callable[[Tensor, float], float]) -> str | None:
    """`answer(maps, share)`: the value that a unit passes in the share of all places of all pictures; maps are N x H x W."""
    generator = torch.Generator().manual_seed(5)
    maps = torch.rand(10, 20, 20, generator=generator) * torch.linspace(0.2, 3, 10)[:, None, None]
    share = 0.05
    result = float(require_attempt(answer(maps.clone(), share)))
    passed = float((maps > result).float().mean())
    if abs(passed - share) < 0.002:
        return None
    each = maps.flatten(1).quantile(1 - share, dim=1)
    mistakes = {
        "this is passed by all but the share: the largest values are meant, so quantile 1 - share": float(
            maps.flatten().quantile(share)
        ),
        "this takes a threshold for each picture; there is one for the unit, over all pictures": float(
            each.mean()
        ),
        "this is a share of the largest value; a share of the places is meant": float(
            (1 - share) * maps.max()
        ),
        "this looks at the maximum of each picture; all places count": float(
            maps.amax((1, 2)).quantile(1 - share)
        ),
    }
    for hint, wrong in mistakes.items():
        if abs(result - wrong) < 1e-4:
            return hint
    return f"{result:.3f} is passed in {passed:.1%} of the places, but {share:.0%} were asked for"


def overlap(answer: Callable[[Tensor, Tensor], float]) -> str | None:
    """`answer(masks, concept)`: intersection over union of N x H x W booleans, summed over all pictures."""
    masks, concept = torch.zeros(2, 3, 8, 8, dtype=torch.bool)
    masks[0, :4, :4], concept[0, :4, 2:6] = True, True
    masks[1, 5:, :2], concept[1, 5:, :2] = True, True
    concept[2, 1:7, 1:7] = True
    result = float(require_attempt(answer(masks.clone(), concept.clone())))
    common, union = (masks & concept).sum((1, 2)).double(), (masks | concept).sum((1, 2)).double()
    if abs(result - float(common.sum() / union.sum())) < 1e-6:
        return None
    mistakes = {
        "this is the mean of each picture's overlap; sum both over the pictures first, then divide": float(
            (common / union).mean()
        ),
        "this divides by the pixels of the mask; divide by those in either of both": float(
            common.sum() / masks.sum()
        ),
        "this divides by the pixels of the concept; divide by those in either of both": float(
            common.sum() / concept.sum()
        ),
        "this counts the common pixels twice; that is Dice's coefficient, not IoU": float(
            2 * common.sum() / (masks.sum() + concept.sum())
        ),
        "the sum of both counts the common pixels twice: the union is mask or concept": float(
            common.sum() / (masks.sum() + concept.sum())
        ),
    }
    for hint, wrong in mistakes.items():
        if abs(result - wrong) < 1e-6:
            return hint
    return "count the pixels in both, and those in either, over all pictures; divide the first by the second"


def unique(answer: Callable[[Sequence[str], Sequence[float], float], int]) -> str | None:
    """`answer(concepts, overlaps, threshold)`: how many different concepts have a detector; one concept and overlap for each unit."""
    concepts = ["wheel", "sail", "wheel", "roof", "sky", "wheel", "roof"]
    overlaps = [0.31, 0.04, 0.09, 0.12, 0.02, 0.05, 0.20]
    result = int(require_attempt(answer(list(concepts), list(overlaps), 0.04)))
    detected = [name for name, value in zip(concepts, overlaps, strict=True) if value > 0.04]
    if result == len(set(detected)):
        return None
    mistakes = {
        len(detected): "these are the detectors; three of them find the same wheel, which counts once",
        len(set(concepts)): "this counts the concepts of all units; only detectors count",
        len({name for name, value in zip(concepts, overlaps, strict=True) if value >= 0.04}): (
            "an overlap must be above the threshold; one unit lies on it"
        ),
    }
    return mistakes.get(
        result, "take the units above the threshold, then count the different concepts among them"
    )


EXERCISES: dict[str, Exercise] = {
    "15.threshold": threshold,
    "15.overlap": overlap,
    "15.unique": unique,
}
