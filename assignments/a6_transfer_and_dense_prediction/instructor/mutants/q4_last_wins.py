"""Where windows share a maximum, the last one wins.

Hint: adds up
"""

import torch
import torch.nn.functional as F


def unpool(maps, values, size, stride):
    _, places = F.max_pool2d(maps[None], size, stride, return_indices=True)
    flat = torch.zeros_like(maps).flatten(1)
    for channel, window in torch.cartesian_prod(
        torch.arange(len(maps)), torch.arange(values[0].numel())
    ).tolist():
        flat[channel, places[0].flatten(1)[channel, window]] = values.flatten(1)[channel, window]
    return flat.view_as(maps)
