"""The exercises of notebook 09, inversion and DeepDream."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def total_variation(answer: Callable[[Tensor, float], Tensor]) -> str | None:
    """`answer(image, beta)`: the total variation of a picture 3 x H x W."""
    image = torch.rand(3, 6, 9, generator=torch.Generator().manual_seed(2))
    original = image.clone()
    for beta in (2.0, 1.5):
        result = require_attempt(answer(image, beta))
        if isinstance(result, Tensor) and result.numel() != 1:
            return f"the answer is one number; yours has the shape {tuple(result.shape)}"
        if not torch.equal(image, original):
            return "the picture that was passed in has changed"
        result, squares = float(result), _squares(original)
        expected = float(squares.pow(beta / 2).sum())
        if abs(result - expected) < 1e-3 * expected:
            continue
        mistakes = {
            "sum over all pixels, do not take the mean": float(squares.pow(beta / 2).mean()),
            "the exponent is beta / 2, since the squares stand inside": float(squares.pow(beta).sum()),
            "beta is not used": float(squares.sum()),
            "add the two squares first, then take the power": float(
                (_right(original).abs().pow(beta) + _down(original).abs().pow(beta)).sum()
            ),
            "the last row and column count too: the step that would leave the picture is zero": float(
                (_right(original).square() + _down(original).square())[:, :-1, :-1].pow(beta / 2).sum()
            ),
        }
        for hint, wrong in mistakes.items():
            if abs(result - wrong) < 1e-3 * expected:
                return hint
        return f"for beta {beta:g} the number is another; work out a picture of 2 x 2 by hand"
    return None


def relative_error(answer: Callable[[Tensor, Tensor], float]) -> str | None:
    """`answer(reconstructed, target)`: |found - wanted| / |wanted| for two answers of a layer, of any shape."""
    generator = torch.Generator().manual_seed(7)
    target, reconstructed = (2 * torch.randn(1, 4, 3, 3, generator=generator) for _ in range(2))
    result = float(require_attempt(answer(reconstructed, target)))
    expected = float((reconstructed - target).norm() / target.norm())
    mistakes = {
        "divide by the length of what is wanted, not of what was found": float(
            (reconstructed - target).norm() / reconstructed.norm()
        ),
        "this is the squared error; take the root": expected**2,
        "divide by the length of the wanted answer": float((reconstructed - target).norm()),
        "lengths are roots of sums of squares, not sums of absolute values": float(
            (reconstructed - target).abs().sum() / target.abs().sum()
        ),
    }
    if abs(result - expected) < 1e-4:
        return None
    for hint, wrong in mistakes.items():
        if abs(result - wrong) < 1e-4:
            return hint
    return "flatten both, take the length of the difference, divide by the length of what is wanted"


def _right(image: Tensor) -> Tensor:
    return torch.nn.functional.pad(image[..., :, 1:] - image[..., :, :-1], (0, 1))


def _down(image: Tensor) -> Tensor:
    return torch.nn.functional.pad(image[..., 1:, :] - image[..., :-1, :], (0, 0, 0, 1))


def _squares(image: Tensor) -> Tensor:
    return _right(image).square() + _down(image).square()


EXERCISES: dict[str, Exercise] = {
    "09.total_variation": total_variation,
    "09.relative_error": relative_error,
}
