"""The skip leaves behind the pooling and is enlarged again.

Hint: *before* the pooling
"""

import torch
import torch.nn.functional as F


def unet(image, weights):
    def block(maps, name):
        return F.relu(F.conv2d(maps, weights[name], padding=1))

    def up(maps, name, skipped):
        maps = F.conv_transpose2d(maps, weights[name], stride=2)
        return torch.cat([maps, skipped[:, :, : maps.shape[2], : maps.shape[3]]], dim=1)

    fine = block(image[None], "down1")
    middle = block(F.max_pool2d(fine, 2), "down2")
    low = block(F.max_pool2d(middle, 2), "bottom")
    maps = block(up(low, "up2", F.interpolate(F.max_pool2d(middle, 2), scale_factor=2)), "merge2")
    maps = block(up(maps, "up1", F.interpolate(F.max_pool2d(fine, 2), scale_factor=2)), "merge1")
    return F.conv2d(maps, weights["score"])[0]
