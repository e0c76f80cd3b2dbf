"""The border is repeated, so that the last steps are zero."""

import torch.nn.functional as F


def total_variation(images, beta):
    wide = F.pad(images, (0, 1, 0, 1), mode="replicate")
    right = wide[:, :, :-1, 1:] - images
    down = wide[:, :, 1:, :-1] - images
    return (right.square() + down.square()).pow(beta / 2).flatten(1).sum(1)
