"""The border is not cut off.

Hint: not cut off
"""

import torch


def transposed_convolution(maps, kernel, stride, padding):
    (_, high, wide), (_, outputs, side, _) = maps.shape, kernel.shape
    out = torch.zeros(outputs, (high - 1) * stride + side, (wide - 1) * stride + side)
    for y in range(high):
        for x in range(wide):
            top, left = y * stride, x * stride
            stamp = torch.einsum("c,cdij->dij", maps[:, y, x], kernel)
            out[:, top : top + side, left : left + side] += stamp
    return out
