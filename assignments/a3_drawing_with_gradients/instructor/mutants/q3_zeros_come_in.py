"""Zeros come in where the picture is moved.

Hint: zeros come in
"""

import torch
import torch.nn.functional as F


def ascend(model, start, target, shifts, rate, l2):
    picture = start.clone()
    for down, right in shifts:
        pixels = picture.clone().requires_grad_()
        moved = F.pad(pixels, (right, -right, down, -down))
        score = model(moved[None])[0, target] - l2 * (pixels - 0.5).square().sum()
        (slope,) = torch.autograd.grad(score, pixels)
        picture = (picture + rate * slope).clamp(0, 1)
    return picture
