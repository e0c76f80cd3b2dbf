"""Answers to the exercises of notebook 03."""

from __future__ import annotations

from collections import Counter
from math import comb


def peaks(maps, unit):
    return maps[:, unit].amax((1, 2))


def separation(first, second):
    return ((first[:, None] - second).sign().mean() + 1) / 2


RIGHT = {
    "03.strongest": [
        lambda maps, unit, k: peaks(maps, unit).argsort(descending=True)[:k],
        lambda maps, unit, k: maps[:, unit].flatten(1).max(1).values.topk(k).indices.tolist(),
    ],
    "03.agreement": [
        lambda labels: sum(comb(n, 2) for n in Counter(labels).values()) / comb(len(labels), 2),
        lambda labels: (
            sum(a == b for i, a in enumerate(labels) for b in labels[:i])
            / (len(labels) * (len(labels) - 1) / 2)
        ),
    ],
    "03.separation": [
        separation,
        lambda first, second: (
            sum((a > b) + 0.5 * (a == b) for a in first.tolist() for b in second.tolist())
            / (len(first) * len(second))
        ),
    ],
}
WRONG = {
    "03.strongest": {
        "mean over all places": lambda maps, unit, k: maps[:, unit].mean((1, 2)).argsort(descending=True)[:k],
        "sort descending": lambda maps, unit, k: peaks(maps, unit).argsort()[:k],
        "strongest must come first": lambda maps, unit, k: peaks(maps, unit).topk(k).indices.sort().values,
        "4 pictures were asked for": lambda maps, unit, k: [peaks(maps, unit).argmax()],
        "largest value over all places": lambda maps, unit, k: range(k),
    },
    "03.agreement": {
        "no pair with itself": lambda labels: sum(n * n for n in Counter(labels).values()) / len(labels) ** 2,
        "commonest label": lambda labels: max(Counter(labels).values()) / len(labels),
        "divide by": lambda labels: sum(comb(n, 2) for n in Counter(labels).values()),
        "write down": lambda labels: 0.123,
    },
    "03.separation": {
        "count such pairs half": lambda first, second: (first[:, None] > second).float().mean(),
        "the other way round": lambda first, second: separation(second, first),
        "difference of the means": lambda first, second: first.mean() - second.mean(),
        "divide by how many": lambda first, second: separation(first, second) * len(first) * len(second),
        "write down": lambda first, second: 0.123,
    },
}
