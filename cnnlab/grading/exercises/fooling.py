"""The exercises of notebook 12, fooling images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def waves(answer: Callable[[int, float, float], Tensor]) -> str | None:
    """`answer(size, across, down)`: size x size values (sin(across x + down y) + 1) / 2, x and y from -1 to 1."""
    size, across, down = 9, 4.0, 1.5
    result = require_attempt(answer(size, across, down))
    if not isinstance(result, Tensor) or result.shape != (size, size):
        shape = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
        return f"return a tensor of {size} x {size} values; yours is {shape}"
    axis = torch.linspace(-1, 1, size)
    y, x = axis[:, None], axis[None]
    inner = across * x + down * y
    mistakes = {
        "a sine lies between -1 and 1; bring it to [0, 1]": inner.sin(),
        "x runs along a row and y down a column; yours are exchanged": ((across * y + down * x).sin() + 1)
        / 2,
        "x and y run from -1 to 1, yours from 0 to 1": ((across * (x + 1) / 2 + down * (y + 1) / 2).sin() + 1)
        / 2,
        "add the two first, and take the sine of the sum": ((across * x).sin() + (down * y).sin() + 2) / 4,
    }
    if torch.allclose(result.float(), (inner.sin() + 1) / 2, atol=1e-5):
        return None
    for hint, wrong in mistakes.items():
        if torch.allclose(result.float(), wrong, atol=1e-5):
            return hint
    return "the shape is right, the values are not: (sin(across * x + down * y) + 1) / 2"


def champions(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer(best, children)`: for each of C classes, which of N children takes the champion's place, or -1.

    `best` holds C probabilities of the champions, `children` N x C of the children.
    """
    best = torch.tensor([0.5, 0.2, 0.9, 0.3])
    children = torch.tensor([[0.1, 0.4, 0.3, 0.3], [0.6, 0.2, 0.1, 0.1], [0.55, 0.3, 0.8, 0.2]])
    original = best.clone()
    result = require_attempt(answer(best, children))
    if not torch.equal(best, original):
        return "the champions' probabilities that were passed in have changed; work on copies"
    if not isinstance(result, Tensor | list | tuple) or len(result) != 4:
        return "return one number for each of the 4 classes: the child's index, or -1"
    indices = [int(index) for index in result]
    if indices == [1, 0, -1, -1]:
        return None
    mistakes = {
        "a champion stays unless a child is better than it: that place is -1": [1, 0, 2, 0],
        "take the best of the children that beat the champion, not the last": [2, 2, -1, -1],
        "a child that is only as good as the champion does not take its place": [1, 0, -1, 0],
        "each child may be good at a class that it was not bred for: look at all classes": [1, -1, -1, -1],
    }
    for hint, wrong in mistakes.items():
        if indices == wrong:
            return hint
    return (
        f"for the probabilities {best.tolist()} and three children it is [1, 0, -1, -1], yours is {indices}"
    )


EXERCISES: dict[str, Exercise] = {"12.waves": waves, "12.champions": champions}
