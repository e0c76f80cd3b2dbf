"""Exercises of notebook 12, fooling images."""

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.requirements import has_shape, is_tensor, unchanged


@exercise(
    "12.waves",
    is_tensor("return a tensor of 9 x 9 values; yours is {type}"),
    has_shape("return a tensor of 9 x 9 values; yours is {shape}"),
)
def waves():
    """size x size values (sin(across x + down y) + 1) / 2, x and y from -1 to 1: `answer(size, across, down)`."""
    size, across, down = 9, 4.0, 1.5
    x = torch.linspace(-1, 1, size)[None]
    y = x.T
    wave, transposed = (across * x + down * y).sin(), (across * y + down * x).sin()
    from_zero = (across * (x + 1) / 2 + down * (y + 1) / 2).sin()
    mistakes = {
        "a sine lies between -1 and 1; bring it to [0, 1]": wave,
        "x runs along a row and y down a column; yours are exchanged": (transposed + 1) / 2,
        "x and y run from -1 to 1, yours from 0 to 1": (from_zero + 1) / 2,
        "add the two first, and take the sine of the sum": ((across * x).sin() + (down * y).sin() + 2) / 4,
    }
    hint = "the shape is right, the values are not: (sin(across * x + down * y) + 1) / 2"
    yield Case((size, across, down), (wave + 1) / 2, mistakes, hint)


def four_values(result, *_):
    """Requirement that the result is a sequence of four."""
    if isinstance(result, Tensor | list | tuple) and len(result) == 4:
        return None
    return "return one number for each of the 4 classes: the child's index, or -1"


@exercise(
    "12.champions",
    unchanged("the champions' probabilities that were passed in have changed; work on copies"),
    four_values,
    read=lambda result: [int(index) for index in result],
)
def champions():
    """For each of C classes, the index of the child (of N) that replaces the champion, or -1: `answer(best, children)`.

    `best` holds C probabilities of the champions, `children` N x C of the children.
    """
    best = torch.tensor([0.5, 0.2, 0.9, 0.3])
    children = torch.tensor([[0.1, 0.4, 0.3, 0.3], [0.6, 0.2, 0.1, 0.1], [0.55, 0.3, 0.8, 0.2]])
    mistakes = {
        "a champion stays unless a child is better than it: that place is -1": [1, 0, 2, 0],
        "take the best of the children that beat the champion, not the last": [2, 2, -1, -1],
        "a child that is only as good as the champion does not take its place": [1, 0, -1, 0],
        "each child may be good at a class that it was not bred for: look at all classes": [1, -1, -1, -1],
    }
    hint = (
        f"for the probabilities {best.tolist()} and three children it is [1, 0, -1, -1], yours is {{result}}"
    )
    yield Case((best, children), [1, 0, -1, -1], mistakes, hint)
