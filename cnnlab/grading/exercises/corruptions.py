"""The exercises of notebook 13, corruptions, texture and shape."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def contrast(answer: Callable[[Tensor, float], Tensor]) -> str | None:
    """`answer(image, lost)`: the picture with a share `lost` of its contrast gone, towards the picture's mean colour."""
    image = (
        torch.rand(3, 6, 8, generator=torch.Generator().manual_seed(4))
        * torch.tensor([1.0, 0.6, 0.3])[:, None, None]
    )
    original, lost = image.clone(), 0.7
    result = require_attempt(answer(image, lost))
    if not isinstance(result, Tensor) or result.shape != image.shape:
        return "give a picture of the same shape back, 3 x H x W"
    if not torch.equal(image, original):
        return "the picture that was passed in has changed; compute a new one"
    mean = image.mean((1, 2), keepdim=True)
    mistakes = {
        "a share `lost` must go, so 1 - lost of each deviation stays; yours keeps lost": mean
        + lost * (image - mean),
        "the mean colour has one value for each channel; yours is one mean over all channels": image.mean()
        + (1 - lost) * (image - image.mean()),
        "that goes to grey (0.5); it should go to the mean colour of the picture": 0.5
        + (1 - lost) * (image - 0.5),
        "that goes to black: darker, not paler. Keep the mean where it is": (1 - lost) * image,
    }
    if torch.allclose(result.float(), mean + (1 - lost) * (image - mean), atol=1e-5):
        return None
    for hint, wrong in mistakes.items():
        if torch.allclose(result.float(), wrong, atol=1e-5):
            return hint
    return "the shape is right, the values are not: what should happen for lost = 0, and for lost = 1?"


def corruption_error(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer(errors, normaliser)`: CE of each corruption, from two tables kinds x 5 of error rates."""
    errors = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.5], [0.0, 0.0, 0.1, 0.1, 0.3]])
    reference = torch.tensor([[0.2, 0.2, 0.4, 0.6, 0.6], [0.1, 0.1, 0.2, 0.3, 0.5]])
    result = require_attempt(answer(errors, reference))
    if not isinstance(result, Tensor) or result.shape != (2,):
        return "give one number for each corruption: a tensor with as many values as the tables have rows"
    if torch.allclose(result.float(), errors.sum(1) / reference.sum(1), atol=1e-6):
        return None
    mistakes = {
        "sum over the severities first, then divide: a ratio of sums is not the mean of ratios": (
            errors / reference
        ).mean(1),
        "that is the reference over the network: upside down": reference.sum(1) / errors.sum(1),
        "that is the mean error; it still has to be divided by the reference's": errors.mean(1),
        "that divides the mean by the sum; take sums, or means, for both": errors.mean(1) / reference.sum(1),
        "1, not 100, is as bad as the reference here": 100 * errors.sum(1) / reference.sum(1),
    }
    for hint, wrong in mistakes.items():
        if torch.allclose(result.float(), wrong, atol=1e-6):
            return hint
    return "the shape is right, the values are not: which axis holds the severities?"


def shape_bias(answer: Callable[[Tensor, Tensor, Tensor], float]) -> str | None:
    """`answer(predictions, shapes, textures)`: the share of shape decisions, from N class indices each."""
    predictions = torch.tensor([0, 0, 0, 1, 2, 3, 4, 4, 4, 2])
    shapes = torch.tensor([0, 0, 0, 0, 1, 1, 1, 4, 4, 3])
    textures = torch.tensor([1, 2, 3, 1, 2, 2, 2, 4, 4, 1])
    result = float(require_attempt(answer(predictions, shapes, textures)))
    by_shape, by_texture = predictions == shapes, predictions == textures
    conflict = shapes != textures
    shape, texture = int((by_shape & conflict).sum()), int((by_texture & conflict).sum())
    expected = shape / (shape + texture)
    if math.isclose(result, expected, abs_tol=1e-6):
        return None
    both = int(by_shape.sum())
    mistakes = {
        "answers for a third class count in neither: divide by the answers for shape or texture, not by all": (
            shape / int(conflict.sum()),
            both / len(predictions),
        ),
        "pictures whose shape and texture are of the same class hold no conflict; leave them out": (
            both / (both + int(by_texture.sum())),
            both / (both + texture),
        ),
        "that is the share of texture decisions": (texture / (shape + texture),),
    }
    for hint, wrong in mistakes.items():
        if any(math.isclose(result, value, abs_tol=1e-6) for value in wrong):
            return hint
    return f"you give {result:.3f}; count the decisions for shape and for texture on paper for three pictures"


EXERCISES: dict[str, Exercise] = {
    "13.contrast": contrast,
    "13.corruption_error": corruption_error,
    "13.shape_bias": shape_bias,
}
