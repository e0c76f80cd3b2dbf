"""The kernel is mirrored, as in a book's convolution.

Hint: mirrored
"""

import torch.nn.functional as F


def sliding_head(weight, bias, size, maps):
    kernel = weight.view(len(weight), maps.shape[1], *size)
    return F.conv2d(maps, kernel.flip(2, 3), bias)
