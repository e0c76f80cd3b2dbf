"""A pixel's own payment alone.

Hint: stands in three payments
"""

import torch


def tv_gradient(images, beta):
    right, down = torch.zeros_like(images), torch.zeros_like(images)
    right[..., :-1] = images[..., 1:] - images[..., :-1]
    down[..., :-1, :] = images[..., 1:, :] - images[..., :-1, :]
    squares = right**2 + down**2
    outer = torch.where(squares > 0, beta / 2 * squares.clamp(min=1e-30) ** (beta / 2 - 1), 0.0) * 2
    across, along = outer * right, outer * down
    return -across - along
