"""The whole table, with its diagonal.

Hint: the diagonal is zero
"""

import torch


def rdm_similarity(first, second):
    tables = [1 - torch.corrcoef(codes) for codes in (first, second)]
    both = torch.stack([table.flatten().argsort().argsort().double() for table in tables])
    return {"first": tables[0], "second": tables[1], "rdm_similarity": torch.corrcoef(both)[0, 1]}
