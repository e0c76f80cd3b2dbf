"""Answers to the exercises of notebook 10."""

from __future__ import annotations

import torch


def by_loops(features):
    channels = len(features)
    result = torch.zeros(channels, channels)
    for i in range(channels):
        for j in range(channels):
            result[i, j] = (features[i] * features[j]).sum()
    return result


def product(features):
    rows = features.reshape(len(features), -1)
    return rows @ rows.T


def loss(content, styles, alpha, beta):
    return alpha * content + beta * sum(styles)


RIGHT = {
    "10.gram": [by_loops, product, lambda f: torch.einsum("ihw,jhw->ij", f, f)],
    "10.total_loss": [loss, lambda c, s, a, b: a * c + sum(b * style for style in s)],
}
WRONG = {
    "10.gram": {
        "do not divide: the sum": lambda f: product(f) / f[0].numel(),
        "covariance": lambda f: product(f - f.mean((1, 2), keepdim=True)),
        "cosines": lambda f: product(f / f.flatten(1).norm(dim=1)[:, None, None]),
        "channels remain": lambda f: f.flatten(1).T @ f.flatten(1),
        "4 x 4": lambda f: f.sum((1, 2)),
        "values are not": lambda f: 2 * product(f),
        "not list": lambda f: product(f).tolist(),
    },
    "10.total_loss": {
        "alpha weighs the content": lambda c, s, a, b: loss(c, s, b, a),
        "of all layers": lambda c, s, a, b: a * c + b * s[0],
        "not averaged": lambda c, s, a, b: a * c + b * sum(s) / len(s),
        "alpha and beta weigh": lambda c, s, a, b: c + sum(s),
        "is another": lambda c, s, a, b: 7.0,
    },
}
