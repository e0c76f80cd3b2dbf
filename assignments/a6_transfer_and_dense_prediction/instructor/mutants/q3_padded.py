"""Padding keeps the size.

Hint: the shape is
"""

import torch.nn.functional as F


def sliding_head(weight, bias, size, maps):
    kernel = weight.view(len(weight), maps.shape[1], *size)
    return F.conv2d(maps, kernel, bias, padding="same")
