"""Answers to the exercises of notebook 15."""

from __future__ import annotations


def detected(names, values, threshold):
    return [name for name, value in zip(names, values, strict=True) if value > threshold]


RIGHT = {
    "15.threshold": [
        lambda maps, share: maps.flatten().quantile(1 - share),
        lambda maps, share: maps.flatten().sort(descending=True).values[int(share * maps.numel())],
    ],
    "15.overlap": [
        lambda m, c: (m & c).sum() / (m | c).sum(),
        lambda m, c: (m * c).sum() / (m.sum() + c.sum() - (m * c).sum()),
    ],
    "15.unique": [
        lambda names, values, threshold: len(set(detected(names, values, threshold))),
        lambda names, values, threshold: len(dict.fromkeys(detected(names, values, threshold))),
    ],
}
WRONG = {
    "15.threshold": {
        "largest values": lambda maps, share: maps.flatten().quantile(share),
        "each picture": lambda maps, share: maps.flatten(1).quantile(1 - share, dim=1).mean(),
        "share of the largest": lambda maps, share: (1 - share) * maps.max(),
        "maximum of each": lambda maps, share: maps.amax((1, 2)).quantile(1 - share),
        "were asked for": lambda maps, share: 0.5,
    },
    "15.overlap": {
        "each picture": lambda m, c: ((m & c).sum((1, 2)) / (m | c).sum((1, 2))).mean(),
        "pixels of the mask": lambda m, c: (m & c).sum() / m.sum(),
        "pixels of the concept": lambda m, c: (m & c).sum() / c.sum(),
        "Dice": lambda m, c: 2 * (m & c).sum() / (m.sum() + c.sum()),
        "counts the common pixels twice: the union": lambda m, c: (m & c).sum() / (m.sum() + c.sum()),
        "count the pixels in both": lambda m, c: 0.9,
    },
    "15.unique": {
        "these are the detectors": lambda names, values, threshold: len(detected(names, values, threshold)),
        "all units": lambda names, values, threshold: len(set(names)),
        "lies on it": lambda names, values, threshold: len(set(detected(names, values, threshold - 1e-9))),
        "take the units": lambda names, values, threshold: 17,
    },
}
