"""With lists, rank by rank."""

import numpy as np


def mean_average_precision(codes, labels):
    table, classes, values = codes.double().numpy(), labels.tolist(), []
    for query, code in enumerate(table):
        others = [number for number in range(len(table)) if number != query]
        others.sort(key=lambda number: np.linalg.norm(table[number] - code))
        places = [rank for rank, number in enumerate(others, 1) if classes[number] == classes[query]]
        values.append(np.mean([(k + 1) / rank for k, rank in enumerate(places)]) if places else np.nan)
    return {"mean": np.nanmean(values), "per_query": values}
