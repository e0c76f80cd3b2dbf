"""Answers to the exercises of notebook 06."""

from __future__ import annotations

import torch


def gradient(model, image, target, read=lambda z, t: z[t]):
    pixels = image.clone().requires_grad_()
    return torch.autograd.grad(read(model(pixels[None])[0], target), pixels)[0]


def saliency(*a, **options):
    return gradient(*a, **options).abs().max(dim=0).values


def backward(model, image, target):
    batch = image[None].clone().requires_grad_()
    model(batch)[:, target].sum().backward()
    return batch.grad[0].abs().amax(0)


def in_place(model, image, target):
    image.add_(0.1)
    return saliency(model, image, target)


RIGHT = {
    "06.saliency": [saliency, backward],
    "06.guided": [
        lambda f, r: torch.where((f > 0) & (r > 0), r, torch.zeros_like(r)),
        lambda f, r: r.clamp_min(0) * (f > 0),
    ],
}
WRONG = {
    "06.saliency": {
        "before the maximum": lambda *a: gradient(*a).amax(0),
        "mean over the channels": lambda *a: gradient(*a).abs().mean(0),
        "sum over the channels": lambda *a: gradient(*a).abs().sum(0),
        "before the softmax": lambda *a: saliency(*a, read=lambda z, t: z.softmax(0)[t]),
        "predicted class": lambda *a: saliency(*a, read=lambda z, t: z.max()),
        "has changed": in_place,
        "12 x 12": gradient,
        "not float": lambda *a: 1.0,
        "compute one": lambda *a: 2 * saliency(*a),
    },
    "06.guided": {
        "plain backpropagation": lambda f, r: r * (f > 0),
        "deconvnet": lambda f, r: r.clamp_min(0),
        "turn the comparison": lambda f, r: r * ~((f > 0) & (r > 0)),
        "not R times f": lambda f, r: r.clamp_min(0) * f.clamp_min(0),
        "not 1": lambda f, r: ((f > 0) & (r > 0)).float(),
        "forward pass": lambda f, r: f.clamp_min(0),
        "same shape": lambda f, r: r[0],
    },
}
