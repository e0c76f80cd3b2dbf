"""The exercises of notebook 06, saliency."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def saliency(answer: Callable[[nn.Module, Tensor, int], Tensor]) -> str | None:
    """`answer(model, image, target)`: for each pixel the largest size, over the channels, of the logit's gradient."""
    model, image, target = _small_network(), _random(3, 12, 12, seed=4), 1
    original = image.clone()
    result = require_attempt(answer(model, image, target))
    if not isinstance(result, Tensor):
        return f"return a tensor with one number for each pixel, not {type(result).__name__}"
    if not torch.equal(image.detach(), original) or image.requires_grad:
        return "the picture that was passed in has changed; work on a copy (`image.clone().requires_grad_()`)"
    if result.shape != (12, 12):
        return f"one number for each pixel makes 12 x 12; yours is {tuple(result.shape)}"
    gradient = _gradient(model, image, lambda logits: logits[target])
    expected = gradient.abs().amax(0)
    mistakes = {
        "take the absolute value before the maximum: a pixel that lowers the score matters as much": gradient.amax(
            0
        ),
        "this is the mean over the channels; the lecture takes the maximum": gradient.abs().mean(0),
        "this is the sum over the channels; the lecture takes the maximum": gradient.abs().sum(0),
        "this is the gradient of the probability; the lecture takes the score before the softmax": _gradient(
            model, image, lambda logits: logits.softmax(0)[target]
        )
        .abs()
        .amax(0),
        "this is the gradient of the predicted class, not of the target": _gradient(
            model, image, lambda logits: logits.max()
        )
        .abs()
        .amax(0),
    }
    return _match_or_hint(result.detach(), expected, mistakes)


def guided(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer(f, R)`: what guided backpropagation hands on of R where f went into the ReLU."""
    forward, grad_output = _random(6, 6, seed=1) - 0.5, _random(6, 6, seed=2) - 0.5
    result = require_attempt(answer(forward.clone(), grad_output.clone()))
    if not isinstance(result, Tensor) or result.shape != forward.shape:
        return "return a tensor of the same shape as R"
    relu_mask, positive = (forward > 0).float(), (grad_output > 0).float()
    mistakes = {
        "this is plain backpropagation: what is negative on the way back must stop, too": relu_mask
        * grad_output,
        "this is the deconvnet: what was closed on the way forward must stop, too": positive * grad_output,
        "this is what was stopped: turn the comparison round": (1 - relu_mask * positive) * grad_output,
        "R itself is handed on, not R times f": relu_mask * positive * grad_output * forward,
        "R itself is handed on, not 1": relu_mask * positive,
        "this is the forward pass; R is what goes back": forward.clamp_min(0),
    }
    return _match_or_hint(result.float(), relu_mask * positive * grad_output, mistakes)


def overlap(answer: Callable[[Tensor, Tensor], float]) -> str | None:
    """`answer(mask, truth)`: the intersection over the union of two masks."""
    mask, truth = torch.zeros(8, 10, dtype=torch.bool), torch.zeros(8, 10, dtype=torch.bool)
    mask[1:5, 2:7], truth[3:8, 4:10] = True, True
    result = require_attempt(answer(mask, truth))
    both, either = int((mask & truth).sum()), int((mask | truth).sum())
    area, true_area = int(mask.sum()), int(truth.sum())
    mistakes = {
        "what both share was counted twice in the union": both / (area + true_area),
        "divide by the union, not by the truth: else a segment that is the whole picture is perfect": both
        / true_area,
        "divide by the union, not by the segment: else a single pixel is perfect": both / area,
        "twice the intersection over both sizes is another score (Dice)": 2 * both / (area + true_area),
        "these are the pixels in which both agree, with the empty ground too": 1
        - (either - both) / mask.numel(),
    }
    return _match_or_hint(
        torch.as_tensor(float(result)),
        torch.tensor(both / either),
        {h: torch.tensor(v) for h, v in mistakes.items()},
    )


def _match_or_hint(result: Tensor, expected: Tensor, mistakes: dict[str, Tensor]) -> str | None:
    if torch.allclose(result, expected, atol=1e-5):
        return None
    for hint, wrong in mistakes.items():
        if torch.allclose(result, wrong, atol=1e-5):
            return hint
    return "the shape is right, the values are not: compute one of them by hand"


def _gradient(model: nn.Module, image: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    with torch.enable_grad():
        pixels = image.detach().clone().requires_grad_()
        return torch.autograd.grad(score(model(pixels[None])[0]), pixels)[0]


def _random(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def _small_network() -> nn.Module:
    """A tiny network whose weights come from a seed of their own; its answer to the question's picture is not class 1."""
    generator = torch.Generator().manual_seed(8)
    model = nn.Sequential(nn.Conv2d(3, 6, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 25, 4)).eval()
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
        parameter.requires_grad_(False)
    model[3].bias.data[2] = 5.0
    return model


EXERCISES: dict[str, Exercise] = {
    "06.saliency": saliency,
    "06.guided": guided,
    "06.overlap": overlap,
}
