"""The sum of squares without its root.

Hint: take the root
"""

import torch


def unit_length(codes):
    sizes = (codes**2).sum(1, keepdim=True)
    return codes / torch.where(sizes == 0, 1.0, sizes)
