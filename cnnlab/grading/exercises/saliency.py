"""The exercises of notebook 06, saliency."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cnnlab.grading.exercises.attempts import Exercise, attempted


def saliency(answer: Callable[[nn.Module, Tensor, int], Tensor]) -> str | None:
    """`answer(model, image, target)`: for each pixel the largest size, over the channels, of the logit's gradient."""
    model, image, target = _small_network(), _random(3, 12, 12, seed=4), 1
    kept = image.clone()
    result = attempted(answer(model, image, target))
    if not isinstance(result, Tensor):
        return f"return a tensor with one number for each pixel, not {type(result).__name__}"
    if not torch.equal(image.detach(), kept) or image.requires_grad:
        return "the picture that was passed in has changed; work on a copy (`image.clone().requires_grad_()`)"
    if result.shape != (12, 12):
        return f"one number for each pixel makes 12 x 12; yours is {tuple(result.shape)}"
    slope = _gradient(model, image, lambda logits: logits[target])
    right = slope.abs().amax(0)
    mistakes = {
        "take the absolute value before the maximum: a pixel that lowers the score matters as much": slope.amax(
            0
        ),
        "this is the mean over the channels; the lecture takes the maximum": slope.abs().mean(0),
        "this is the sum over the channels; the lecture takes the maximum": slope.abs().sum(0),
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
    return _compared(result.detach(), right, mistakes)


def guided(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer(f, R)`: what guided backpropagation hands on of R where f went into the ReLU."""
    forward, arriving = _random(6, 6, seed=1) - 0.5, _random(6, 6, seed=2) - 0.5
    result = attempted(answer(forward.clone(), arriving.clone()))
    if not isinstance(result, Tensor) or result.shape != forward.shape:
        return "return a tensor of the same shape as R"
    opened, positive = (forward > 0).float(), (arriving > 0).float()
    mistakes = {
        "this is plain backpropagation: what is negative on the way back must stop, too": opened * arriving,
        "this is the deconvnet: what was closed on the way forward must stop, too": positive * arriving,
        "this is what was stopped: turn the comparison round": (1 - opened * positive) * arriving,
        "R itself is handed on, not R times f": opened * positive * arriving * forward,
        "R itself is handed on, not 1": opened * positive,
        "this is the forward pass; R is what goes back": forward.clamp_min(0),
    }
    return _compared(result.float(), opened * positive * arriving, mistakes)


def overlap(answer: Callable[[Tensor, Tensor], float]) -> str | None:
    """`answer(found, truth)`: the intersection over the union of two masks."""
    found, truth = torch.zeros(8, 10, dtype=torch.bool), torch.zeros(8, 10, dtype=torch.bool)
    found[1:5, 2:7], truth[3:8, 4:10] = True, True
    result = attempted(answer(found, truth))
    both, either = int((found & truth).sum()), int((found | truth).sum())
    own, true = int(found.sum()), int(truth.sum())
    mistakes = {
        "what both share was counted twice in the union": both / (own + true),
        "divide by the union, not by the truth: else a segment that is the whole picture is perfect": both
        / true,
        "divide by the union, not by the segment: else a single pixel is perfect": both / own,
        "twice the intersection over both sizes is another score (Dice)": 2 * both / (own + true),
        "these are the pixels in which both agree, with the empty ground too": 1
        - (either - both) / found.numel(),
    }
    return _compared(
        torch.as_tensor(float(result)),
        torch.tensor(both / either),
        {h: torch.tensor(v) for h, v in mistakes.items()},
    )


def _compared(result: Tensor, right: Tensor, mistakes: dict[str, Tensor]) -> str | None:
    if torch.allclose(result, right, atol=1e-5):
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
    chance = torch.Generator().manual_seed(8)
    model = nn.Sequential(nn.Conv2d(3, 6, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 25, 4)).eval()
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=chance) * 0.2
        parameter.requires_grad_(False)
    model[3].bias.data[2] = 5.0
    return model


EXERCISES: dict[str, Exercise] = {
    "06.saliency": saliency,
    "06.guided": guided,
    "06.overlap": overlap,
}
