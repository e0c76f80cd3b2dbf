"""Exercises of notebook 21, a microscope."""

from __future__ import annotations

from torch import nn

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import randn
from cnnlab.grading.exercises.requirements import is_tensor_of_shape


@exercise("21.here", is_tensor_of_shape("the numbers of the 3 strongest units; yours has the shape {shape}"))
def here():
    """The k strongest units at a place, strongest first: `answer(maps, row, column, k)`, maps U x h x w."""
    maps = randn(9, 4, 5, seed=1)
    values = maps[:, 1, 3]
    mistakes = {
        "these are the weakest units": values.argsort()[:3],
        "these are strongest on the whole map, not at the place": maps.mean((1, 2)).topk(3).indices,
        "row comes before column": maps[:, 3, 1].topk(3).indices,
        "strongest, not largest in size: a unit below zero is not active": values.abs().topk(3).indices,
        "the numbers of the units are asked for, not their activations": values.topk(3).values,
    }
    yield Case(
        (maps, 1, 3, 3), values.topk(3).indices, mistakes, "these are not the units: sort one column by hand"
    )


@exercise("21.direction", is_tensor_of_shape("one number; yours has the shape {shape}"))
def direction():
    """The direction objective of maps U x h x w along w (U numbers): `answer(maps, w, k)`."""
    maps, w, power = randn(6, 3, 4, seed=3), randn(6, seed=4), 2
    rows = maps.flatten(1).T  # positions x U
    dots, cosines = rows @ w, nn.functional.cosine_similarity(rows, w[None], dim=1)
    expected = (dots * cosines.clamp_min(0.1) ** power).mean()
    mistakes = {
        "keep the cosine above 0.1": (dots * cosines**power).mean(),
        "this is the dot product alone": dots.mean(),
        "average over the positions, do not add up": expected * len(rows),
        "first the product at each position, then the mean": dots.mean()
        * cosines.clamp_min(0.1).mean() ** power,
        "raise the cosine to the power k": (dots * cosines.clamp_min(0.1)).mean(),
    }
    yield Case((maps, w, power), expected, mistakes, "the value is not right: compute one position by hand")
