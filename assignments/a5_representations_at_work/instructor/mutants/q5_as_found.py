"""Nothing is mended.

Hint: finds itself
"""

import torch


def mean_average_precision(codes, labels):
    per_query = []
    for query in range(len(codes)):
        order = (codes @ codes[query]).argsort(descending=True)
        hits = (labels[order] == labels[query]).double()
        precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
        per_query.append((precision * hits).mean())
    return {"per_query": torch.stack(per_query), "mean": float(torch.stack(per_query).mean())}
