"""Answers to the exercises of notebook 12."""

from __future__ import annotations

import torch


def wave(size, across, down, *, low=-1.0):
    axis = torch.linspace(low, 1, size)
    return ((across * axis[None] + down * axis[:, None]).sin() + 1) / 2


def by_meshgrid(size, across, down):
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, size, dtype=torch.float64)] * 2, indexing="ij")
    return 0.5 + 0.5 * torch.sin(across * x + down * y)


def replaced(best, children, *, better=torch.gt):
    top, index = children.max(0)
    return torch.where(better(top, best), index, -1)


def by_loops(best, children):
    winners = []
    for c in range(len(best)):
        order = max(range(len(children)), key=lambda n: children[n, c])
        winners.append(order if children[order, c] > best[c] else -1)
    return winners


def last_better(best, children):
    return [max([n for n in range(3) if children[n, c] > best[c]], default=-1) for c in range(4)]


RIGHT = {"12.waves": [wave, by_meshgrid], "12.champions": [replaced, by_loops]}
WRONG = {
    "12.waves": {
        "bring it to [0, 1]": lambda s, a, d: wave(s, a, d) * 2 - 1,
        "exchanged": lambda s, a, d: wave(s, a, d).T,
        "from 0 to 1": lambda s, a, d: wave(s, a, d, low=0.0),
        "sine of the sum": lambda s, a, d: (wave(s, a, 0) + wave(s, 0, d)) / 2,
        "values are not": lambda s, a, d: wave(s, a, d) / 2,
        "9 x 9 values": lambda s, a, d: wave(s, a, d)[None],
        "is float": lambda *_: 1.0,
    },
    "12.champions": {
        "a champion stays": lambda best, children: children.argmax(0),
        "not the last": last_better,
        "only as good": lambda *a: replaced(*a, better=torch.ge),
        "all classes": lambda *a: [1, -1, -1, -1],
        "work on copies": lambda best, children: torch.maximum(best, children.amax(0), out=best),
        "one number for each": lambda *a: replaced(*a)[:2],
        "yours is [0, 0, 0, 0]": lambda *a: [0, 0, 0, 0],
    },
}
