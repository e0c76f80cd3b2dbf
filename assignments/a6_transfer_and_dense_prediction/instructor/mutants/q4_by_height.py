"""Places are taken apart with the height.

Hint: divide by the width
"""

import torch
import torch.nn.functional as F


def unpool(maps, values, size, stride):
    _, places = F.max_pool2d(maps[None], size, stride, return_indices=True)
    channels, high, wide = maps.shape
    out = torch.zeros_like(maps)
    for channel in range(channels):
        for place, value in zip(
            places[0, channel].flatten().tolist(), values[channel].flatten(), strict=True
        ):
            out[channel, place // high % high, place % high % wide] += value
    return out
