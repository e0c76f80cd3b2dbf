"""By singular values of the centred codes, in numpy."""

import numpy as np


def pca(codes, dimensions):
    codes = codes.numpy()
    mean = codes.mean(axis=0)
    _, sizes, axes = np.linalg.svd(codes - mean, full_matrices=False)
    variance = sizes**2 / (len(codes) - 1)
    for axis in axes:
        if axis[np.argmax(np.abs(axis))] < 0:
            axis *= -1
    share = variance / variance.sum()
    return {
        "mean": mean,
        "axes": axes[:dimensions],
        "variance": variance[:dimensions],
        "share": share[:dimensions],
    }
