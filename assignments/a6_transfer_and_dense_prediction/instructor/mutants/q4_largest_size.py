"""The largest size counts, not the largest value.

Hint: not the largest size
"""

import torch
import torch.nn.functional as F


def unpool(maps, values, size, stride):
    _, places = F.max_pool2d(maps.abs()[None], size, stride, return_indices=True)
    flat = torch.zeros_like(maps).flatten(1)
    flat.scatter_add_(1, places[0].flatten(1), values.flatten(1))
    return flat.view_as(maps)
