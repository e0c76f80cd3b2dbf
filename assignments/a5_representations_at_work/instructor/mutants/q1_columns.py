"""Columns are brought to length 1.

Hint: each row is a code
"""

import torch


def unit_length(codes):
    return codes / torch.linalg.norm(codes, dim=0, keepdim=True)
