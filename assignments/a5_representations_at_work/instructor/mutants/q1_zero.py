"""A code of zeros is divided by zero.

Hint: has no direction
"""

import torch


def unit_length(codes):
    return codes / torch.linalg.norm(codes, dim=1, keepdim=True)
