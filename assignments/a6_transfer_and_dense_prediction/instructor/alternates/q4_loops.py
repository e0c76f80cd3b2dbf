"""Window by window."""

import torch


def unpool(maps, values, size, stride):
    out = torch.zeros_like(maps)
    for c in range(values.shape[0]):
        for r in range(values.shape[1]):
            for k in range(values.shape[2]):
                window = maps[c, r * stride : r * stride + size, k * stride : k * stride + size]
                place = torch.nonzero(window == window.max())[0]
                out[c, r * stride + place[0], k * stride + place[1]] += values[c, r, k]
    return out
