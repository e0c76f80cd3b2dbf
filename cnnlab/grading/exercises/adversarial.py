"""The exercises of notebook 11, adversarial examples."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def fast_sign(answer: Callable[[nn.Module, Tensor, int, float], Tensor]) -> str | None:
    """`answer(model, image, target, epsilon)`: the picture after one FGSM step away from the class."""
    model, target, epsilon = _small_network(), 2, 0.1
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(6))
    original = image.clone()
    result = require_attempt(answer(model, image, target, epsilon))
    wrong = _not_a_picture(result, image, original)
    if wrong:
        return wrong
    sign = _uphill(model, original, target).sign()
    logit = -_uphill(model, original, target, loss=False).sign()
    expected = (original + epsilon * sign).clamp(0, 1)
    mistakes = {
        "the pixels leave [0, 1]; clip them after the step": original + epsilon * sign,
        "this step makes the class more probable: add the sign of the gradient of the loss": (
            original - epsilon * sign
        ).clamp(0, 1),
        "this goes along the gradient itself; every pixel moves by epsilon, whatever the size of its gradient": (
            original + epsilon * _uphill(model, original, target)
        ).clamp(0, 1),
        "this is the sign of the logit's gradient; take the cross-entropy on the logits": (
            original + epsilon * logit
        ).clamp(0, 1),
    }
    return _match_or_hint(
        result,
        expected,
        mistakes,
        "x + epsilon * sign of the gradient of the cross-entropy, clipped to [0, 1]",
    )


def project(answer: Callable[[Tensor, Tensor, float], Tensor]) -> str | None:
    """`answer(picture, original, epsilon)`: the picture brought back to within epsilon of the original, and into [0, 1]."""
    generator = torch.Generator().manual_seed(3)
    original, epsilon = torch.rand(3, 8, 8, generator=generator), 0.1
    picture = original + 0.4 * torch.randn(3, 8, 8, generator=generator)
    moved = picture.clone()
    result = require_attempt(answer(picture, original, epsilon))
    wrong = _not_a_picture(result, picture, moved)
    if wrong:
        return wrong
    change = moved - original
    expected = (original + change.clamp(-epsilon, epsilon)).clamp(0, 1)
    mistakes = {
        "some values leave [0, 1]; clip them as well": original + change.clamp(-epsilon, epsilon),
        "it stays in [0, 1] but not within epsilon of the original": moved.clamp(0, 1),
        "clip the change, not the picture: the picture itself need not be small": moved.clamp(
            -epsilon, epsilon
        ),
        "this makes the whole change shorter; here each value has its own bound": (
            original + change * epsilon / change.abs().max()
        ).clamp(0, 1),
    }
    return _match_or_hint(
        result, expected, mistakes, "original + change clipped to [-epsilon, epsilon], then clipped to [0, 1]"
    )


def bisect(answer: Callable[[Callable[[float], bool], float, float], float]) -> str | None:
    """`answer(flips, largest, tolerance)`: the smallest epsilon with `flips(epsilon)`, at most `tolerance` too large."""
    for edge, largest in ((5.3, 32.0), (0.4, 16.0), (30.9, 32.0)):
        queries: list[float] = []

        def flips(epsilon: float, edge: float = edge, queries: list[float] = queries) -> bool:
            queries.append(float(epsilon))
            if len(queries) > 400:
                raise RuntimeError("more than 400 questions: does the loop end?")
            return epsilon >= edge

        epsilon = require_attempt(answer(flips, largest, 0.1))
        if not isinstance(epsilon, int | float | Tensor):
            return f"return a number, not {type(epsilon).__name__}"
        epsilon = float(epsilon)
        if not flips(epsilon):
            return f"the answer is not turned at your epsilon ({epsilon:.2f}); of the two ends of the interval, return the upper one"
        if epsilon > edge + 0.1:
            return f"the answer turns at {edge}, yours is {epsilon:.2f}: go on halving until the interval is at most the tolerance"
        if len(queries) > 20:
            return f"it is found, but with {len(queries) - 1} questions; halving needs about 10. Which half can be left out?"
    return None


def _not_a_picture(result: object, image: Tensor, original: Tensor) -> str | None:
    if not isinstance(result, Tensor):
        return f"return the new picture as a tensor, not {type(result).__name__}"
    if not torch.equal(image.detach(), original):
        return "the picture that was passed in has changed; work on a copy (`image.clone()`)"
    if result.shape != original.shape:
        return f"the new picture has the shape of the old one, 3 x 8 x 8; yours is {tuple(result.shape)}"
    return None


def _match_or_hint(result: Tensor, expected: Tensor, mistakes: dict[str, Tensor], formula: str) -> str | None:
    result = result.detach()
    if torch.allclose(result, expected, atol=1e-5):
        return None
    for hint, wrong in mistakes.items():
        if torch.allclose(result, wrong, atol=1e-5):
            return hint
    return f"the shape is right, the values are not: {formula}"


def _uphill(model: nn.Module, image: Tensor, target: int, *, loss: bool = True) -> Tensor:
    with torch.enable_grad():
        pixels = image.clone().requires_grad_()
        logits = model(pixels[None])
        value = F.cross_entropy(logits, torch.tensor([target])) if loss else logits[0, target]
        return torch.autograd.grad(value, pixels)[0]


def _small_network() -> nn.Module:
    """A tiny network whose weights come from a seed of their own."""
    generator = torch.Generator().manual_seed(11)
    model = nn.Sequential(nn.Conv2d(3, 6, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(6 * 9, 4)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
            parameter.requires_grad_(False)
    return model


EXERCISES: dict[str, Exercise] = {"11.fgsm": fast_sign, "11.project": project, "11.bisect": bisect}
