"""The exponent does not go down.

Hint: the exponent goes down by 1
"""

import torch


def tv_gradient(images, beta):
    right, down = torch.zeros_like(images), torch.zeros_like(images)
    right[..., :-1] = images[..., 1:] - images[..., :-1]
    down[..., :-1, :] = images[..., 1:, :] - images[..., :-1, :]
    squares = right**2 + down**2
    outer = beta / 2 * squares ** (beta / 2) * 2
    across, along = outer * right, outer * down
    slopes = -across - along
    slopes[..., 1:] += across[..., :-1]
    slopes[..., 1:, :] += along[..., :-1, :]
    return slopes
