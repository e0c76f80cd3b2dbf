"""The exercises of notebook 08, the image a unit wants."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def ascent_step(answer: Callable[[nn.Module, Tensor, int, float], Tensor]) -> str | None:
    """`answer(model, image, target, rate)`: one step of gradient ascent on the logit, back in [0, 1]."""
    model, target, rate = _small_network(), 2, 0.5
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(6))
    original = image.clone()
    result = require_attempt(answer(model, image, target, rate))
    if not isinstance(result, Tensor):
        return f"return the new picture as a tensor, not {type(result).__name__}"
    if not torch.equal(image.detach(), original):
        return "the picture that was passed in has changed; work on a copy (`image.clone()`)"
    if result.shape != original.shape:
        return f"the new picture has the shape of the old one, 3 x 8 x 8; yours is {tuple(result.shape)}"
    uphill = _gradient(model, original, lambda logits: logits[target])
    likely = _gradient(model, original, lambda logits: logits.softmax(0)[target])
    mistakes = {
        "the pixels leave [0, 1]; clip them after the step": original + rate * uphill,
        "this goes downhill: ascent adds the gradient": (original - rate * uphill).clamp(0, 1),
        "this is the gradient of the probability; take the logit, before the softmax": (
            original + rate * likely
        ).clamp(0, 1),
        "this goes along the sign of the gradient; take the gradient itself": (
            original + rate * uphill.sign()
        ).clamp(0, 1),
    }
    if torch.allclose(result.detach(), (original + rate * uphill).clamp(0, 1), atol=1e-5):
        return None
    for hint, wrong in mistakes.items():
        if torch.allclose(result.detach(), wrong, atol=1e-5):
            return hint
    return (
        "the shape is right, the values are not: x + rate * gradient of the target's logit, clipped to [0, 1]"
    )


def clip_small(answer: Callable[[Tensor, float], Tensor]) -> str | None:
    """`answer(image, share)`: the picture with the share of pixels that are closest to grey made grey."""
    image, share = torch.rand(3, 10, 10, generator=torch.Generator().manual_seed(1)), 0.3
    original = image.clone()
    result = require_attempt(answer(image, share))
    if not isinstance(result, Tensor) or result.shape != original.shape:
        return "return the picture, 3 x H x W, with some of its pixels grey"
    if not torch.equal(image, original):
        return "the picture that was passed in has changed; work on a copy (`image.clone()`)"
    size = (original - 0.5).norm(dim=0)
    small = size <= size.flatten().sort().values[29]
    single = (original - 0.5).abs()
    mistakes = {
        "a pixel that goes becomes grey (0.5), not black": original.masked_fill(small, 0.0),
        "these are the largest; make the smallest grey": original.masked_fill(
            size >= size.flatten().sort().values[70], 0.5
        ),
        "size is the distance from grey (0.5), not from black": original.masked_fill(
            original.norm(dim=0) <= original.norm(dim=0).flatten().sort().values[29], 0.5
        ),
        "a pixel goes with all its three colours: measure the length over the colours": original.masked_fill(
            single <= single.flatten().sort().values[89], 0.5
        ),
    }
    # Where exactly the boundary lies may differ by a pixel, as definitions of quantiles do.
    if (result != original.masked_fill(small, 0.5)).any(0).sum() <= 1:
        return None
    for hint, wrong in mistakes.items():
        if (result != wrong).sum() <= 3:
            return hint
    gone = float((result == 0.5).all(0).float().mean())
    return f"{gone:.0%} of your pixels are grey, {share:.0%} were asked for, those closest to grey"


def _gradient(model: nn.Module, image: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    picture = image.clone().requires_grad_()
    return torch.autograd.grad(score(model(picture[None])[0]), picture)[0]


def _small_network() -> nn.Module:
    """A tiny network whose weights come from a seed of their own."""
    generator = torch.Generator().manual_seed(8)
    model = nn.Sequential(nn.Conv2d(3, 6, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(6 * 9, 4)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
            parameter.requires_grad_(False)
    return model


EXERCISES: dict[str, Exercise] = {
    "08.ascent_step": ascent_step,
    "08.clip_small": clip_small,
}
