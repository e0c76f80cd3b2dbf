"""The mean of the codes that are tried.

Hint: the mean belongs
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

    _, axes, deviation = principal(train, dimensions)
    return F.normalize((test - test.mean(0)) @ axes.T / deviation)
