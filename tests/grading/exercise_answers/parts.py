"""Answers to the exercises of notebook 20."""

from __future__ import annotations

from itertools import combinations, permutations
from math import factorial

import torch


def over_orders(value, parts):
    shares = dict.fromkeys(parts, 0.0)
    for order in permutations(parts):
        there = set()
        for part in order:
            shares[part] += value(there | {part}) - value(there)
            there = there | {part}
    return torch.tensor([shares[part] for part in parts]) / factorial(len(parts))


def over_coalitions(value, parts):
    count, shares = len(parts), []
    for part in parts:
        others, share = [one for one in parts if one != part], 0.0
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for chosen in combinations(others, size):
                share += weight * (value({*chosen, part}) - value(set(chosen)))
        shares.append(share)
    return torch.tensor(shares)


RIGHT = {
    "20.falls": [
        lambda whole, without, target: whole[target] - without[:, target],
        lambda whole, without, target: (whole - without).T[target],
    ],
    "20.claim": [lambda r, p: r[p].sum(), lambda r, p: float((r * p).sum())],
    "20.shapley": [over_orders, over_coalitions],
}
WRONG = {
    "20.falls": {
        "whole minus without": lambda w, o, t: o[:, t] - w[t],
        "compare the logits": lambda w, o, t: w.softmax(0)[t] - o.softmax(1)[:, t],
        "not the largest": lambda w, o, t: w.max() - o.max(1).values,
        "keep the signs": lambda w, o, t: w[t].abs() - o[:, t].abs(),
        "4 parts": lambda w, o, t: w - o,
        "compute one": lambda w, o, t: 2 * (w[t] - o[:, t]) + 1,
    },
    "20.claim": {
        "do not average": lambda r, p: r[p].mean(),
        "against the class": lambda r, p: r[p].clamp_min(0).sum(),
        "keep the signs": lambda r, p: r[p].abs().sum(),
        "off the part": lambda r, p: r[~p].sum(),
        "no share": lambda r, p: r[p].sum() / r.sum(),
        "one number": lambda r, p: r * p,
        "compute it": lambda r, p: r[p].sum() + 1,
    },
    "20.shapley": {
        "leaves one part out": lambda v, parts: torch.tensor([v(parts) - v(set(parts) - {p}) for p in parts]),
        "keeps one part alone": lambda v, parts: torch.tensor([v({p}) - v(()) for p in parts]),
        "number of orders": lambda v, parts: over_orders(v, parts) * factorial(len(parts)),
        "sign is turned": lambda v, parts: -over_orders(v, parts),
        "each part": lambda v, parts: over_orders(v, parts)[:1],
        "by hand": lambda v, parts: over_orders(v, parts) + 1,
    },
}
