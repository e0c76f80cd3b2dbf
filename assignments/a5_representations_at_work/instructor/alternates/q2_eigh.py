"""By the covariance, in float64."""

import torch


def pca(codes, dimensions):
    covariance = torch.cov(codes.double().T)
    values, vectors = torch.linalg.eigh(covariance)
    values, axes = values.flip(0), vectors.T.flip(0)
    found = [axis if axis.max() > -axis.min() else -axis for axis in axes[:dimensions]]
    kept = values[:dimensions]
    return {
        "mean": codes.mean(0),
        "axes": torch.stack(found),
        "variance": kept,
        "share": kept / covariance.trace(),
    }
