"""The scale is not written back into the rule.

Hint: written back
"""

import torch
import torch.nn.functional as F


def linear_rule(codes, labels):
    scaled = (codes - codes.mean(0)) / codes.std(0)
    wanted = F.one_hot(labels).float()
    both = torch.cat([scaled, torch.ones(len(codes), 1)], 1)
    found = torch.linalg.lstsq(both, wanted).solution.T
    return {"weight": found[:, :-1], "bias": found[:, -1]}
