"""The bias is left out.

Hint: the bias is missing
"""

import torch.nn.functional as F


def sliding_head(weight, bias, size, maps):
    kernel = weight.view(len(weight), maps.shape[1], *size)
    return F.conv2d(maps, kernel)
