"""The function as it was given.

Hint: dividing by their number
"""

import torch


def transposed_convolution(maps, kernel, stride, padding):
    (_, high, wide), (_, outputs, side, _) = maps.shape, kernel.shape
    sizes = [(n - 1) * stride + side + 2 * padding for n in (high, wide)]
    out, stamps = torch.zeros(outputs, *sizes), torch.zeros(sizes)
    for y in range(high):
        for x in range(wide):
            top, left = y * stride + padding, x * stride + padding
            stamp = torch.einsum("c,cdij->dij", maps[:, y, x], kernel)
            out[:, top : top + side, left : left + side] += stamp
            stamps[top : top + side, left : left + side] += 1
    return out / stamps.clamp_min(1)
