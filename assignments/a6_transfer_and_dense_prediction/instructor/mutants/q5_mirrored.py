"""The stamp is mirrored.

Hint: not mirrored
"""

import torch


def transposed_convolution(maps, kernel, stride, padding):
    (_, high, wide), (_, outputs, side, _) = maps.shape, kernel.shape
    out = torch.zeros(outputs, (high - 1) * stride + side, (wide - 1) * stride + side)
    for y in range(high):
        for x in range(wide):
            top, left = y * stride, x * stride
            stamp = torch.einsum("c,cdij->dij", maps[:, y, x], kernel.flip(2, 3))
            out[:, top : top + side, left : left + side] += stamp
    return out[:, padding : out.shape[1] - padding, padding : out.shape[2] - padding]
