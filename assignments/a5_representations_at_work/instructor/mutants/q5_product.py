"""Ranked by the product.

Hint: prefers long codes
"""

import torch


def mean_average_precision(codes, labels):
    found = []
    for query in range(len(codes)):
        order = (codes @ codes[query]).argsort(descending=True)
        order = order[order != query]
        hits = (labels[order] == labels[query]).double()
        precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
        found.append(float((precision * hits).sum() / hits.sum()) if hits.any() else float("nan"))
    found = torch.tensor(found, dtype=torch.float64)
    return {"per_query": found, "mean": float(found[~found.isnan()].mean())}
