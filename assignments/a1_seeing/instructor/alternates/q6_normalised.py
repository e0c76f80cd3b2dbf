"""With codes of length 1 and topk."""

import torch


def neighbours(queries, codes, k):
    one, other = (torch.nn.functional.normalize(part, dim=1) for part in (queries, codes))
    return (one @ other.T).topk(k, dim=1).indices
