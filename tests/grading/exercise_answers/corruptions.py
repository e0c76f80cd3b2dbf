"""Answers to the exercises of notebook 13."""

from __future__ import annotations

import numpy as np
import torch

from cnnlab.robustness import corruption_error, digital


def faded(image, lost):
    mean = image.mean((1, 2), keepdim=True)
    return mean + (1 - lost) * (image - mean)


def faded_by_the_kit(image, lost):
    result = digital.contrast(image.permute(1, 2, 0).numpy(), lost, np.random.default_rng(0))
    return torch.from_numpy(result).permute(2, 0, 1)


def in_place(image, lost):
    image.mul_(1 - lost)
    return image


def bias(predictions, shapes, textures):
    conflict = shapes != textures
    shape = ((predictions == shapes) & conflict).sum()
    return shape / (shape + ((predictions == textures) & conflict).sum())


def by_counting(predictions, shapes, textures):
    rows = list(zip(predictions.tolist(), shapes.tolist(), textures.tolist(), strict=True))
    decisions = [a == s for a, s, t in rows if s != t and a in (s, t)]
    return sum(decisions) / len(decisions)


RIGHT = {
    "13.contrast": [faded, faded_by_the_kit],
    "13.corruption_error": [corruption_error, lambda e, n: e.mean(1) / n.mean(1)],
    "13.shape_bias": [bias, by_counting],
}
WRONG = {
    "13.contrast": {
        "same shape": lambda image, lost: image.mean(),
        "has changed": in_place,
        "keeps lost": lambda image, lost: faded(image, 1 - lost),
        "one value for each channel": lambda image, lost: image.mean() + (1 - lost) * (image - image.mean()),
        "grey (0.5)": lambda image, lost: 0.5 + (1 - lost) * (image - 0.5),
        "goes to black": lambda image, lost: (1 - lost) * image,
        "lost = 0": lambda image, lost: image,
    },
    "13.corruption_error": {
        "one number for each": lambda e, n: e.sum() / n.sum(),
        "ratio of sums": lambda e, n: (e / n).mean(1),
        "upside down": lambda e, n: n.sum(1) / e.sum(1),
        "still has to be divided": lambda e, n: e.mean(1),
        "for both": lambda e, n: e.mean(1) / n.sum(1),
        "1, not 100": lambda e, n: 100 * e.sum(1) / n.sum(1),
        "which axis": lambda e, n: e[:, 0] / n[:, 0],
    },
    "13.shape_bias": {
        "a third class": lambda a, s, t: ((a == s) & (s != t)).sum() / (s != t).sum(),
        "third class count in neither": lambda a, s, t: (a == s).float().mean(),
        "no conflict": lambda a, s, t: (a == s).sum() / ((a == s).sum() + (a == t).sum()),
        "texture decisions": lambda a, s, t: 1 - bias(a, s, t),
        "on paper": lambda a, s, t: 0.123,
    },
}
