"""Exercises of notebook 11, adversarial examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.grading.exercises.exercise import Case, Exercise, exercise, require_attempt
from cnnlab.grading.exercises.inputs import input_gradient, rand, seeded_network
from cnnlab.grading.exercises.requirements import is_new_image


@exercise("11.fgsm", is_new_image(argument=1))
def fgsm():
    """The image after one FGSM step away from the class: `answer(model, image, target, epsilon)`."""
    layers = nn.Conv2d(3, 6, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(6 * 9, 4)
    model, image, target, epsilon = seeded_network(*layers, seed=11, scale=0.4), rand(3, 8, 8, seed=6), 2, 0.1
    gradient = input_gradient(model, image, lambda z: F.cross_entropy(z[None], torch.tensor([target])))
    logit_sign = input_gradient(model, image, lambda logits: logits[target]).sign()
    change = epsilon * gradient.sign()
    downhill, from_logit = image - change, image - epsilon * logit_sign
    unscaled = (image + epsilon * gradient).clamp(0, 1)
    mistakes = {
        "the pixels leave [0, 1]; clip them after the step": image + change,
        "this step makes the class more probable: add the sign of the gradient of the loss": downhill.clamp(
            0, 1
        ),
        "this goes along the gradient itself; every pixel moves by epsilon, whatever the size of its gradient": unscaled,
        "this is the sign of the logit's gradient; take the cross-entropy on the logits": from_logit.clamp(
            0, 1
        ),
    }
    hint = "the shape is right, the values are not: x + epsilon * sign of the gradient of the cross-entropy, clipped to [0, 1]"
    yield Case((model, image, target, epsilon), (image + change).clamp(0, 1), mistakes, hint)


@exercise("11.project", is_new_image(argument=0))
def project():
    """The image projected onto the epsilon ball around the original, and into [0, 1]: `answer(image, original, epsilon)`."""
    generator = torch.Generator().manual_seed(3)
    original, epsilon = torch.rand(3, 8, 8, generator=generator), 0.1
    image = original + 0.4 * torch.randn(3, 8, 8, generator=generator)
    change = image - original
    near, small = original + change.clamp(-epsilon, epsilon), image.clamp(-epsilon, epsilon)
    scaled = (original + change * epsilon / change.abs().max()).clamp(0, 1)
    mistakes = {
        "some values leave [0, 1]; clip them as well": near,
        "it stays in [0, 1] but not within epsilon of the original": image.clamp(0, 1),
        "clip the change, not the picture: the picture itself need not be small": small,
        "this makes the whole change shorter; here each value has its own bound": scaled,
    }
    hint = "the shape is right, the values are not: original + change clipped to [-epsilon, epsilon], then clipped to [0, 1]"
    yield Case((image, original, epsilon), near.clamp(0, 1), mistakes, hint)


@partial(Exercise, "11.bisect")
def bisect(answer: Callable[[Callable[[float], bool], float, float], float]) -> str | None:
    """The smallest epsilon with `flips(epsilon)`, at most `tolerance` too large: `answer(flips, largest, tolerance)`."""
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
