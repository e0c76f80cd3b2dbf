"""A constant in the length bends short codes.

Hint: bends short codes
"""

import torch


def unit_length(codes):
    return codes / (torch.linalg.norm(codes, dim=1, keepdim=True) + 1e-3)
