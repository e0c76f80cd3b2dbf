"""Every place of the window gets the value.

Hint: one place, that of the maximum
"""

import torch


def unpool(maps, values, size, stride):
    out = torch.zeros_like(maps)
    for row in range(values.shape[1]):
        for column in range(values.shape[2]):
            top, left = row * stride, column * stride
            out[:, top : top + size, left : left + size] += values[:, row, column, None, None]
    return out
