"""Answers to the exercises of notebook 16."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize


def hits(relevant):
    return [sum(relevant[: rank + 1]) / (rank + 1) for rank in range(len(relevant))]


def at_hits(relevant):
    return [value for value, hit in zip(hits(relevant), relevant, strict=True) if hit]


def summed(maps):
    return maps.sum((2, 3))


RIGHT = {
    "16.pooled": [
        lambda maps: normalize(summed(maps)),
        lambda maps: summed(maps) / summed(maps).square().sum(1, keepdim=True).sqrt(),
    ],
    "16.precision": [
        lambda relevant: sum(at_hits(relevant)) / sum(relevant),
        lambda relevant: torch.tensor(at_hits(relevant)).mean(),
    ],
    "16.whiten": [
        lambda codes, mean, axes, s: (codes - mean) @ axes.T / s,
        lambda codes, mean, axes, s: (torch.diag(1 / s) @ axes @ (codes - mean).T).T,
    ],
}
WRONG = {
    "16.pooled": {
        "the sum is right": summed,
        "all codes together": lambda maps: summed(maps) / summed(maps).norm(),
        "each channel": lambda maps: normalize(summed(maps), dim=0),
        "largest place": lambda maps: normalize(maps.amax((2, 3))),
        "sum of the code": lambda maps: summed(maps) / summed(maps).sum(1, keepdim=True),
        "4 x 5 here": lambda maps: maps.flatten(1),
        "last two axes": lambda maps: torch.zeros(4, 5),
    },
    "16.precision": {
        "all ranks": lambda relevant: sum(hits(relevant)) / len(relevant),
        "length of the ranking": lambda relevant: sum(at_hits(relevant)) / len(relevant),
        "share of relevant": lambda relevant: sum(relevant) / len(relevant),
        "not one": lambda relevant: sum(hit / (r + 1) for r, hit in enumerate(relevant)) / sum(relevant),
        "write down": lambda relevant: 0.123,
    },
    "16.whiten": {
        "not whitened": lambda codes, mean, axes, s: (codes - mean) @ axes.T,
        "multiplies": lambda codes, mean, axes, s: (codes - mean) @ axes.T * s,
        "its square": lambda codes, mean, axes, s: (codes - mean) @ axes.T / s**2,
        "mean off": lambda codes, mean, axes, s: codes @ axes.T / s,
        "mean that is given": lambda codes, mean, axes, s: (codes - codes.mean(0)) @ axes.T / s,
        "6 x 3": lambda codes, mean, axes, s: codes,
        "subtract the mean": lambda codes, mean, axes, s: torch.zeros(6, 3),
    },
}
