"""Answers to the exercises of notebook 11."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from cnnlab.robustness import fgsm


def sign_step(model, image, target, epsilon, *, direction=1.0, scale=torch.sign, loss=None, clip=True):
    loss = loss or (lambda logits: F.cross_entropy(logits, torch.tensor([target])))
    with torch.enable_grad():
        pixels = image.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(model(pixels[None])), pixels)
    result = image + direction * epsilon * scale(gradient)
    return result.clamp(0, 1) if clip else result


def bisection(flips, largest, tolerance, *, returned_end=1):
    ends = [0.0, largest]
    while ends[1] - ends[0] > tolerance:
        middle = sum(ends) / 2
        ends[int(flips(middle))] = middle
    return ends[returned_end]


def linear_search(flips, largest, tolerance):
    epsilon = 0.0
    while not flips(epsilon):
        epsilon += tolerance
    return epsilon


def projected(picture, original, epsilon):
    return torch.minimum(torch.maximum(picture, original - epsilon), original + epsilon).clip(0, 1)


RIGHT = {
    "11.fgsm": [sign_step, lambda m, i, t, e: fgsm(m, i, t, epsilon=e)],
    "11.project": [projected, lambda p, o, e: (o + (p - o).clamp(-e, e)).clamp(0, 1)],
    "11.bisect": [bisection, lambda t, m, tol: torch.tensor(bisection(t, m, tol))],
}
WRONG = {
    "11.fgsm": {
        "more probable": lambda *a: sign_step(*a, direction=-1.0),
        "leave [0, 1]": lambda *a: sign_step(*a, clip=False),
        "gradient itself": lambda *a: sign_step(*a, scale=lambda g: g),
        "cross-entropy": lambda m, i, t, e: sign_step(m, i, t, -e, loss=lambda z: z[0, t]),
        "has changed": lambda m, i, t, e: i.add_(0.1),
        "3 x 8 x 8": lambda *a: sign_step(*a)[None],
        "not float": lambda *a: 0.5,
        "values are not": lambda *a: sign_step(*a) * 0.9,
    },
    "11.project": {
        "clip them as well": lambda p, o, e: o + (p - o).clamp(-e, e),
        "not within epsilon": lambda p, o, e: p.clamp(0, 1),
        "clip the change": lambda p, o, e: p.clamp(-e, e),
        "its own bound": lambda p, o, e: (o + (p - o) * e / (p - o).abs().max()).clamp(0, 1),
        "values are not": lambda p, o, e: projected(p, o, e / 2),
    },
    "11.bisect": {
        "the upper one": lambda *a: bisection(*a, returned_end=0),
        "go on halving": lambda flips, largest, tolerance: largest,
        "questions; halving": linear_search,
        "RuntimeError": lambda flips, largest, tolerance: [flips(0) for _ in range(500)],
        "a number": lambda *a: "five",
    },
}
