"""The mean is not taken away.

Hint: points at the mean
"""

import numpy as np


def pca(codes, dimensions):
    codes = codes.numpy().astype(np.float64)
    mean = codes.mean(0)
    rest = codes
    values, vectors = np.linalg.eigh(rest.T @ rest / (len(codes) - 1))
    values, axes = values[::-1], vectors.T[::-1][:dimensions]
    axes = axes * np.sign(axes[np.arange(dimensions), np.abs(axes).argmax(1)])[:, None]
    return {
        "mean": mean,
        "axes": axes,
        "variance": values[:dimensions],
        "share": values[:dimensions] / values.sum(),
    }
