"""The exercises of notebook 07, Grad-CAM and shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt
from cnnlab.grading.mystery_models import KINDS


def grad_cam(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer(maps, gradients)`: both K x h x w, of one picture; the map h x w of Grad-CAM."""
    generator = torch.Generator().manual_seed(6)
    maps = torch.rand(5, 4, 6, generator=generator)
    offsets = torch.tensor([0.6, -0.5, 0.4, -0.7, 0.2]).view(5, 1, 1)  # so that the sum has both signs
    gradients = torch.randn(5, 4, 6, generator=generator) + offsets
    result = require_attempt(answer(maps.clone(), gradients.clone()))
    if not isinstance(result, Tensor) or result.shape != (4, 6):
        return f"the maps are added up over k, so the result is 4 x 6; yours is {tuple(getattr(result, 'shape', ()))}"
    weights = gradients.mean((1, 2), keepdim=True)
    added = (weights * maps).sum(0)
    mistakes = {
        "the ReLU is missing: only what speaks for the class is kept": added,
        "the ReLU comes last, after the maps are added up": (weights * maps).clamp_min(0).sum(0),
        "one weight for each map: take the mean of its gradient over all places first": (gradients * maps)
        .sum(0)
        .clamp_min(0),
        "the weight is the mean of the gradient, not its sum": 24 * added.clamp_min(0),
        "add the weighted maps up, do not average them": added.clamp_min(0) / 5,
        "every map has its own weight; you give all the same": (maps.sum(0) * weights.sum()).clamp_min(0),
    }
    return _match_or_hint(result.float(), added.clamp_min(0), mistakes)


def share(answer: Callable[[Tensor, Tensor], float]) -> str | None:
    """`answer(relevance, mask)`: the share of the positive relevance (H x W) that lies on the mask (H x W, bool)."""
    relevance = torch.randn(7, 9, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(7, 9, dtype=torch.bool)
    mask[2:6, 3:8] = True
    result = require_attempt(answer(relevance.clone(), mask.clone()))
    positive = relevance.clamp_min(0)
    mistakes = {
        "what is negative counts as none: clamp it away first": relevance[mask].sum() / relevance.sum(),
        "compare sums, not means: the object is smaller than the picture": positive[mask].mean()
        / positive.mean(),
        "divide by the relevance of the whole picture, not by that of the background": positive[mask].sum()
        / positive[~mask].sum(),
        "this is the share on the background": positive[~mask].sum() / positive.sum(),
        "this counts pixels; add up their relevance": (positive[mask] > 0).sum() / (positive > 0).sum(),
    }
    return _match_or_hint(torch.as_tensor(float(result)), positive[mask].sum() / positive.sum(), mistakes)


def suspects(answer: Mapping[str, str]) -> str | None:
    """`answer`: for each of the networks A, B and C what it is: "honest", "meadow" or "snow"."""
    kinds = dict(require_attempt(answer))
    if set(kinds) != set(KINDS) or not all(kinds.values()):
        raise NotImplementedError
    unknown = sorted({kind for kind in kinds.values() if kind not in KINDS.values()})
    if unknown:
        return f'say "honest", "meadow" or "snow" for each network; {unknown[0]!r} is none of them'
    n_correct = sum(kinds[name] == kind for name, kind in KINDS.items())
    if n_correct == len(KINDS):
        return None
    if len(set(kinds.values())) < len(KINDS):
        return "each of the three kinds occurs once"
    return (
        f"{n_correct} of 3 are right. Look at one network, goats on a meadow and wolves in the snow: which of them does"
        " it get wrong?"
    )


def _match_or_hint(result: Tensor, expected: Tensor, mistakes: Mapping[str, Tensor]) -> str | None:
    if torch.allclose(result, expected, atol=1e-5):
        return None
    for hint, wrong in mistakes.items():
        if torch.allclose(result, wrong, atol=1e-5):
            return hint
    return "the values are not right: compute one by hand"


EXERCISES: dict[str, Exercise] = {
    "07.grad_cam": grad_cam,
    "07.share": share,
    "07.suspects": suspects,
}
