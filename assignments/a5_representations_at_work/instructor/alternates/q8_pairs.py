"""Pair by pair."""

import torch


def rdm_similarity(first, second):
    def table(codes):
        rest = codes - codes.mean(1, keepdim=True)
        return torch.stack([1 - torch.cosine_similarity(row[None], rest) for row in rest])

    one, other = table(first), table(second)
    pairs = [(i, j) for j in range(len(one)) for i in range(j)]
    ranks = []
    for values in (one, other):
        entries = [float(values[pair]) for pair in pairs]
        ranks.append(torch.tensor([sum(value > entry for value in entries) for entry in entries]).double())
    one_rank, other_rank = (rank - rank.mean() for rank in ranks)
    found = (one_rank * other_rank).sum() / (one_rank.square().sum() * other_rank.square().sum()).sqrt()
    return {"first": one, "second": other, "rdm_similarity": found}
