"""Answers to the exercises of notebook 07."""

from __future__ import annotations

import torch

from cnnlab.grading.mystery_models import KINDS


def by_einsum(maps, gradients):
    return torch.einsum("k,kij->ij", gradients.mean((1, 2)), maps).clamp_min(0)


def by_loops(maps, gradients):
    total = torch.zeros_like(maps[0])
    for single_map, gradient in zip(maps, gradients, strict=True):
        total += gradient.mean() * single_map
    return torch.relu(total)


RIGHT = {
    "07.grad_cam": [by_einsum, by_loops],
    "07.share": [
        lambda r, m: r.clamp_min(0)[m].sum() / r.clamp_min(0).sum(),
        lambda r, m: float((r * m * (r > 0)).sum() / r[r > 0].sum()),
    ],
    "07.suspects": [dict(KINDS), dict(reversed(KINDS.items()))],
}
WRONG = {
    "07.grad_cam": {
        "ReLU is missing": lambda m, g: (g.mean((1, 2), keepdim=True) * m).sum(0),
        "comes last": lambda m, g: (g.mean((1, 2), keepdim=True) * m).clamp_min(0).sum(0),
        "one weight for each map": lambda m, g: (g * m).sum(0).clamp_min(0),
        "not its sum": lambda m, g: (g.sum((1, 2), keepdim=True) * m).sum(0).clamp_min(0),
        "do not average": lambda m, g: (g.mean((1, 2), keepdim=True) * m).mean(0).clamp_min(0),
        "its own weight": lambda m, g: (m.sum(0) * g.mean((1, 2)).sum()).clamp_min(0),
        "4 x 6": lambda m, g: m,
        "compute one": lambda m, g: 3 * by_einsum(m, g) + 1,
    },
    "07.share": {
        "clamp it away": lambda r, m: r[m].sum() / r.sum(),
        "not means": lambda r, m: r.clamp_min(0)[m].mean() / r.clamp_min(0).mean(),
        "not by that of the background": lambda r, m: r.clamp_min(0)[m].sum() / r.clamp_min(0)[~m].sum(),
        "share on the background": lambda r, m: r.clamp_min(0)[~m].sum() / r.clamp_min(0).sum(),
        "counts pixels": lambda r, m: (r[m] > 0).sum() / (r > 0).sum(),
    },
    "07.suspects": {
        "occurs once": dict.fromkeys(KINDS, "honest"),
        "0 of 3": dict(zip(KINDS, [*list(KINDS.values())[1:], KINDS["A"]], strict=True)),
        "'wolf' is none": {**KINDS, "A": "wolf"},
    },
}
STUBS = {"07.suspects": [dict.fromkeys("ABC", ""), None, ...]}
