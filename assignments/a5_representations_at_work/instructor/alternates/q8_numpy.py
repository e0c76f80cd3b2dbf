"""With numpy, and the formula for ranks without ties."""

import numpy as np


def rdm_similarity(first, second):
    tables = [1 - np.corrcoef(codes.numpy()) for codes in (first, second)]
    rows, columns = np.triu_indices(len(tables[0]), k=1)
    one, other = (table[rows, columns].argsort().argsort() for table in tables)
    count = len(rows)
    spearman = 1 - 6 * np.sum((one - other) ** 2.0) / (count * (count**2 - 1))
    return {"first": tables[0], "second": tables[1], "rdm_similarity": spearman}
