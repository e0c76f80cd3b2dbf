"""One matrix for both steps."""

import torch


def compact(train, test, dimensions):
    mean = train.mean(0, keepdim=True)
    values, vectors = torch.linalg.eigh((train - mean).T @ (train - mean) / (len(train) - 1))
    axes = vectors.flip(1)[:, :dimensions]
    largest = axes.abs().argmax(0)
    axes = axes * axes[largest, torch.arange(dimensions)].sign()
    white = axes @ torch.diag(values.flip(0)[:dimensions] ** -0.5)
    return torch.nn.functional.normalize((test - mean) @ white, dim=1)
