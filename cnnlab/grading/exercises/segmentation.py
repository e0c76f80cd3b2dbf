"""The exercises of notebook 19, segmentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt

# By hand: the window at the left remembers its lower right place, that at the right its upper left one.
_UNPOOLED = [[0, 0, 40, 0], [0, 70, 0, 0]]


def unpooled(answer: Sequence[Sequence[float]]) -> str | None:
    """`answer`: the output, 2 x 4, of unpooling [[70, 40]] after [[1, 2, 9, 3], [5, 8, 4, 6]] was pooled with windows of 2 x 2."""
    result = torch.as_tensor(require_attempt(answer), dtype=torch.float64)
    if result.shape != (2, 4):
        return f"the output has the shape of what was pooled, 2 x 4; yours is {' x '.join(map(str, result.shape))}"
    if result.tolist() == _UNPOOLED:
        return None
    if result.tolist() == [[0, 0, 9, 0], [0, 8, 0, 0]]:
        return "the places are right; but what is set there are the decoder's numbers, not the maxima"
    if result.tolist() == [[70, 0, 40, 0], [0, 0, 0, 0]]:
        return "each number goes to the place of its window's maximum, not to the window's first place"
    if bool((result != 0).all()):
        return "only one place of each window gets a number, all others are zero"
    return "find the largest number of each window of what was pooled; its place is where the decoder's number goes"


def output_size(answer: Callable[[int, int, int, int], int]) -> str | None:
    """`answer(side, kernel, stride, padding)`: the side of a transposed convolution's output."""
    for side, kernel, stride, padding in (
        (3, 2, 1, 0),
        (2, 2, 2, 0),
        (6, 4, 2, 1),
        (5, 3, 3, 1),
        (1, 7, 4, 2),
    ):
        last = (side - 1) * stride  # where the last stamp begins
        expected = len(range(padding, last + kernel - padding))
        case = f"side {side}, kernel {kernel}, stride {stride}, padding {padding}"
        result = require_attempt(answer(side, kernel, stride, padding))
        if result == expected:
            continue
        if result == (side + 2 * padding - kernel) // stride + 1:
            return "this is the size after a convolution; a transposed one goes the other way"
        if result == expected + 2 * padding:
            return f"for {case} you forget what is cut off, at both borders"
        if result == expected + padding:
            return f"for {case}: padding is cut off at both borders"
        if result == side * stride + kernel - 2 * padding:
            return f"for {case}: the first stamp begins at 0, so the last begins at (side - 1) * stride"
        return f"for {case} you give {result}; draw the stamps on paper"
    return None


def iou(answer: Callable[[Tensor, Tensor, int], float]) -> str | None:
    """`answer(answers, truth, index)`: the intersection over union of one class in two maps of class indices."""
    truth = torch.tensor([[0, 0, 1, 1], [0, 2, 1, 1], [2, 2, 2, 0]])
    prediction = torch.tensor([[0, 1, 1, 1], [1, 2, 2, 1], [2, 0, 0, 1]])
    for index in (1, 2, 0):
        pairs = [
            (int(a) == index, int(b) == index)
            for a, b in zip(prediction.flatten(), truth.flatten(), strict=True)
        ]
        both, either = sum(a and b for a, b in pairs), sum(a or b for a, b in pairs)
        result = float(require_attempt(answer(prediction, truth, index)))
        if abs(result - both / either) < 1e-5:
            continue
        mistakes = {
            "this is the share of the true pixels that were found; pixels wrongly given to the class count too": both
            / sum(b for _, b in pairs),
            "this is the share of the answered pixels that are right; true pixels that were missed count too": both
            / sum(a for a, _ in pairs),
            "this is the share of all pixels on which both agree; only pixels of this class count": sum(
                a == b for a, b in pairs
            )
            / len(pairs),
            "the union counts pixels that are in both only once": both / sum(a + b for a, b in pairs),
            "this is Dice's coefficient, twice the intersection over the sum of both": 2
            * both
            / sum(a + b for a, b in pairs),
        }
        for hint, wrong in mistakes.items():
            if abs(result - wrong) < 1e-5:
                return hint
        return f"for class {index} you give {result:.3f}; count the pixels of both and of either by hand"
    return None


EXERCISES: dict[str, Exercise] = {
    "19.unpooled": unpooled,
    "19.output_size": output_size,
    "19.iou": iou,
}
