"""One number for all.

Hint: one number for each picture
"""

import torch


def total_variation(images, beta):
    right, down = torch.zeros_like(images), torch.zeros_like(images)
    right[..., :-1] = images[..., 1:] - images[..., :-1]
    down[..., :-1, :] = images[..., 1:, :] - images[..., :-1, :]
    paid = (right**2 + down**2) ** (beta / 2)
    return paid.sum()
