"""Divided by the length of the ranking.

Hint: how many there are to find
"""

import torch


def mean_average_precision(codes, labels):
    found = []
    for query in range(len(codes)):
        order = (-torch.cdist(codes[query : query + 1], codes)[0]).argsort(descending=True)
        order = order[order != query]
        hits = (labels[order] == labels[query]).double()
        precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
        found.append(float((precision * hits).sum() / len(hits)) if hits.any() else float("nan"))
    found = torch.tensor(found, dtype=torch.float64)
    return {"per_query": found, "mean": float(found[~found.isnan()].mean())}
