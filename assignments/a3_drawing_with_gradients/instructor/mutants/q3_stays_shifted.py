"""The picture stays shifted.

Hint: the picture stays shifted
"""

import torch


def ascend(model, start, target, shifts, rate, l2):
    picture = start.clone()
    for down, right in shifts:
        picture = picture.roll((down, right), (1, 2))
        pixels = picture.clone().requires_grad_()
        score = model(pixels[None])[0, target] - l2 * (pixels - 0.5).square().sum()
        (slope,) = torch.autograd.grad(score, pixels)
        picture = (picture + rate * slope).clamp(0, 1)
    return picture
