"""Answers to the exercises of notebook 18."""

from __future__ import annotations

import torch
from scipy.stats import rankdata, spearmanr

from cnnlab.features import compare_rdms, rdm


def ranks(first, second):
    i, j = torch.triu_indices(len(first), len(first), 1)
    return torch.corrcoef(torch.stack([torch.from_numpy(rankdata(table[i, j])) for table in (first, second)]))


def unit(rows):
    return rows / rows.norm(dim=1, keepdim=True)


RIGHT = {
    "18.agreement": [compare_rdms, lambda a, b: ranks(a, b)[0, 1]],
    "18.dissimilarity": [
        rdm,
        lambda x: 1 - unit(x - x.mean(1, keepdim=True)) @ unit(x - x.mean(1, keepdim=True)).T,
    ],
    "18.fano": [
        lambda r: r.var(2).mean(0) / r.mean((0, 2)),
        lambda r: (r.var(2, unbiased=False) * 10 / 9).mean(0) / r.mean(2).mean(0),
    ],
}
WRONG = {
    "18.agreement": {
        "their ranks": lambda a, b: compare_rdms(a, b, "pearson"),
        "the diagonal": lambda a, b: spearmanr(a.flatten(), b.flatten()).statistic,
        "above the diagonal": lambda a, b: 0.0,
    },
    "18.dissimilarity": {
        "from 1": torch.corrcoef,
        "units with one another": lambda x: 1 - torch.corrcoef(x.T),
        "angle": lambda x: 1 - unit(x) @ unit(x).T,
        "distance": lambda x: torch.cdist(x, x),
        "6 x 6": lambda x: x[:2],
        "length 1": lambda x: x,
    },
    "18.fano": {
        "between pictures": lambda r: r.transpose(0, 1).flatten(1).var(1) / r.mean((0, 2)),
        "means over pictures": lambda r: r.mean(2).var(0) / r.mean((0, 2)),
        "deviation": lambda r: r.std(2).mean(0) / r.mean((0, 2)),
        "divide it": lambda r: r.var(2).mean(0),
        "3 sites": lambda r: r.var(),
        "over both": lambda r: torch.zeros(3),
    },
}
