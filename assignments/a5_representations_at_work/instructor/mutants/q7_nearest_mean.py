"""The nearest mean of a class, whatever the size of the numbers.

Hint: brought to one scale
"""

import torch


def linear_rule(codes, labels):
    means = torch.stack([codes[labels == label].mean(0) for label in range(int(labels.max()) + 1)])
    return {"weight": means, "bias": -(means**2).sum(1) / 2}
