"""Similarities instead of dissimilarities.

Hint: *dis*similarities
"""

import torch


def rdm_similarity(first, second):
    tables = [torch.corrcoef(codes) for codes in (first, second)]
    above = torch.triu_indices(len(tables[0]), len(tables[0]), 1).unbind()
    both = torch.stack([table[above].argsort().argsort().double() for table in tables])
    return {"first": tables[0], "second": tables[1], "rdm_similarity": torch.corrcoef(both)[0, 1]}
