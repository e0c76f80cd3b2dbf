"""Answers to the exercises of notebook 21."""

from __future__ import annotations

import torch


def along(maps, w, k):
    """The dot product and the cosine at each position."""
    rows = maps.reshape(len(w), -1)
    dots = (rows * w[:, None]).sum(0)
    return dots, dots / (rows.norm(dim=0) * w.norm())


def by_positions(maps, w, k):
    total, (_, height, width) = 0.0, maps.shape
    for row in range(height):
        for column in range(width):
            a = maps[:, row, column]
            cosine = float(a @ w / (a.norm() * w.norm()))
            total += float(a @ w) * max(0.1, cosine) ** k
    return torch.tensor(total / (height * width))


def at_once(maps, w, k):
    dots, cosines = along(maps, w, k)
    return (dots * cosines.clamp(min=0.1) ** k).mean()


RIGHT = {
    "21.here": [
        lambda maps, r, c, k: maps[:, r, c].topk(k).indices,
        lambda maps, r, c, k: maps[:, r, c].argsort(descending=True)[:k],
    ],
    "21.direction": [at_once, by_positions],
}
WRONG = {
    "21.here": {
        "weakest": lambda m, r, c, k: m[:, r, c].argsort()[:k],
        "whole map": lambda m, r, c, k: m.mean((1, 2)).topk(k).indices,
        "row comes before": lambda m, r, c, k: m[:, c, r].topk(k).indices,
        "largest in size": lambda m, r, c, k: m[:, r, c].abs().topk(k).indices,
        "not their activations": lambda m, r, c, k: m[:, r, c].topk(k).values,
        "3 strongest": lambda m, r, c, k: m[:, r, c].topk(k + 1).indices,
        "as a tensor; yours is a list": lambda m, r, c, k: m[:, r, c].topk(k).indices.tolist(),
        "by hand": lambda m, r, c, k: m[:, r, c].topk(k).indices + 1,
    },
    "21.direction": {
        "above 0.1": lambda m, w, k: (along(m, w, k)[0] * along(m, w, k)[1] ** k).mean(),
        "alone": lambda m, w, k: along(m, w, k)[0].mean(),
        "add up": lambda m, w, k: at_once(m, w, k) * m[0].numel(),
        "then the mean": lambda m, w, k: (
            along(m, w, k)[0].mean() * along(m, w, k)[1].clamp(min=0.1).mean() ** k
        ),
        "power k": lambda m, w, k: at_once(m, w, 1),
        "one number": lambda m, w, k: along(m, w, k)[0],
        "by hand": lambda m, w, k: at_once(m, w, k) + 1,
    },
}
