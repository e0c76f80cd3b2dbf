"""The entries themselves are correlated.

Hint: by their *ranks*
"""

import torch


def rdm_similarity(first, second):
    tables = [1 - torch.corrcoef(codes) for codes in (first, second)]
    above = torch.triu_indices(len(tables[0]), len(tables[0]), 1).unbind()
    both = torch.stack([table[above] for table in tables])
    return {"first": tables[0], "second": tables[1], "rdm_similarity": torch.corrcoef(both)[0, 1]}
