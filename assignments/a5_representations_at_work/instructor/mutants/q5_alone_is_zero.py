"""Who is alone counts as 0.

Hint: who is alone
"""

import torch


def mean_average_precision(codes, labels):
    found = []
    for query in range(len(codes)):
        order = (-torch.cdist(codes[query : query + 1], codes)[0]).argsort(descending=True)
        order = order[order != query]
        hits = (labels[order] == labels[query]).double()
        precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
        found.append(float((precision * hits).sum() / hits.sum()) if hits.any() else 0.0)
    found = torch.tensor(found, dtype=torch.float64)
    return {"per_query": found, "mean": float(found.mean())}
