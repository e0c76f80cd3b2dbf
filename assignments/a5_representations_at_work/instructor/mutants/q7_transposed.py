"""The weight comes as D x C.

Hint: the shape is
"""

import torch
import torch.nn.functional as F


def linear_rule(codes, labels):
    both = torch.cat([codes, torch.ones(len(codes), 1)], 1).double()
    found = torch.linalg.lstsq(both, F.one_hot(labels).double()).solution
    return {"weight": found[:-1], "bias": found[-1]}
