"""Exercises of notebook 07, Grad-CAM and shortcuts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch

from cnnlab.grading.exercises.exercise import Case, Exercise, exercise, require_attempt
from cnnlab.grading.exercises.inputs import mask, randn
from cnnlab.grading.exercises.requirements import is_tensor_of_shape
from cnnlab.grading.mystery_models import KINDS


@exercise(
    "07.grad_cam",
    is_tensor_of_shape("the maps are added up over k, so the result is 4 x 6; yours is {shape}"),
)
def grad_cam():
    """The Grad-CAM map, h x w, of one image, from K x h x w each: `answer(maps, gradients)`."""
    generator = torch.Generator().manual_seed(6)
    maps = torch.rand(5, 4, 6, generator=generator)
    offsets = torch.tensor([0.6, -0.5, 0.4, -0.7, 0.2]).view(5, 1, 1)  # so the sum takes both signs
    gradients = torch.randn(5, 4, 6, generator=generator) + offsets
    weights = gradients.mean((1, 2), keepdim=True)
    added, by_position = (weights * maps).sum(0), (gradients * maps).sum(0)
    expected = added.relu()
    mistakes = {
        "the ReLU is missing: only what speaks for the class is kept": added,
        "the ReLU comes last, after the maps are added up": (weights * maps).relu().sum(0),
        "one weight for each map: take the mean of its gradient over all positions first": by_position.relu(),
        "the weight is the mean of the gradient, not its sum": 24 * expected,
        "add the weighted maps up, do not average them": expected / 5,
        "every map has its own weight; you give all the same": (maps.sum(0) * weights.sum()).relu(),
    }
    hint = "the values are not right: compute one by hand"
    yield Case((maps, gradients), expected, mistakes, hint)


@exercise("07.share")
def share():
    """The share of the positive relevance (H x W) that lies on the mask (H x W, bool): `answer(relevance, mask)`."""
    relevance, inside = randn(7, 9, seed=2), mask(7, 9, rows=(2, 6), columns=(3, 8))
    positive = relevance.relu()
    on_object, on_ground, total = positive[inside], positive[~inside].sum(), positive.sum()
    ratio = on_object.sum() / on_ground
    mistakes = {
        "what is negative counts as none: clamp it away first": relevance[inside].sum() / relevance.sum(),
        "compare sums, not means: the object is smaller than the picture": on_object.mean() / positive.mean(),
        "divide by the relevance of the whole picture, not by that of the background": ratio,
        "this is the share on the background": on_ground / total,
        "this counts pixels; add up their relevance": (on_object > 0).sum() / (positive > 0).sum(),
    }
    hint = "the values are not right: compute one by hand"
    yield Case((relevance, inside), on_object.sum() / total, mistakes, hint)


@partial(Exercise, "07.suspects")
def suspects(answer: Mapping[str, str]) -> str | None:
    """The kind of each of the networks A, B and C: "honest", "meadow" or "snow"."""
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
    question = (
        "Look at one network, goats on a meadow and wolves in the snow: which of them does it get wrong?"
    )
    return f"{n_correct} of 3 are right. {question}"
