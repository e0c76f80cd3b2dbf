"""The exponent is beta.

Hint: beta / 2, not beta
"""

import torch


def total_variation(images, beta):
    right, down = torch.zeros_like(images), torch.zeros_like(images)
    right[..., :-1] = images[..., 1:] - images[..., :-1]
    down[..., :-1, :] = images[..., 1:, :] - images[..., :-1, :]
    paid = (right**2 + down**2) ** beta
    return paid.sum((1, 2, 3))
