"""A convolution of maps beside each other is a sum of two."""

import torch
import torch.nn.functional as F


def unet(image, weights):
    def conv(x, kernel):
        return F.conv2d(x, kernel, padding=1)

    def merged(x, skip, name):
        x = F.conv_transpose2d(x, weights["up" + name], stride=2)
        kernel, n = weights["merge" + name], x.shape[0]
        skip = skip[:, : x.shape[1], : x.shape[2]]
        return (conv(x, kernel[:, :n]) + conv(skip, kernel[:, n:])).clamp(min=0)

    one = conv(image, weights["down1"]).clamp(min=0)
    two = conv(F.max_pool2d(one, 2), weights["down2"]).clamp(min=0)
    three = conv(F.max_pool2d(two, 2), weights["bottom"]).clamp(min=0)
    last = merged(merged(three, two, "2"), one, "1")
    return torch.einsum("kc,chw->khw", weights["score"][:, :, 0, 0], last)
