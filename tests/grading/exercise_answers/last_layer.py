"""Answers to the exercises of notebook 04."""

from __future__ import annotations

import torch


def distance(features, query):
    return (features - features[query]).norm(dim=1)


def without(order, query, k):
    return [row for row in order.tolist() if row != query][:k]


RIGHT = {
    "04.nearest": [
        lambda f, q, k: distance(f, q).argsort()[1 : k + 1],
        lambda f, q, k: without(torch.cdist(f[q : q + 1], f)[0].argsort(), q, k),
    ],
    "04.precision": [
        lambda n, y: (y[n] == y[:, None]).float().mean(),
        lambda n, y: sum(int(y[j] == y[i]) for i, row in enumerate(n.tolist()) for j in row) / n.numel(),
    ],
}
WRONG = {
    "04.nearest": {
        "its own nearest": lambda f, q, k: distance(f, q).argsort()[:k],
        "farthest": lambda f, q, k: distance(f, q).argsort(descending=True)[:k],
        "scalar product": lambda f, q, k: without((f @ f[q]).argsort(descending=True), q, k),
        "angle": lambda f, q, k: without((f @ f[q] / f.norm(dim=1)).argsort(descending=True), q, k),
        "5 neighbours were asked for": lambda f, q, k: [0],
        "subtract": lambda f, q, k: range(k),
    },
    "04.precision": {
        "any neighbour": lambda n, y: (y[n] == y[:, None]).any(1).float().mean(),
        "first neighbour only": lambda n, y: (y[n[:, 0]] == y).float().mean(),
        "this counts": lambda n, y: (y[n] == y[:, None]).sum(),
        "by hand": lambda n, y: 0.123,
    },
}
