"""A plain sum, always.

Hint: says whether
"""

import torch


def spoc(maps, centred):
    return torch.sum(maps, (2, 3))
