"""Rounded to bytes after each step.

Hint: rounding to 256 steps
"""

import torch


def ascend(model, start, target, shifts, rate, l2):
    picture = start.clone()
    for down, right in shifts:
        pixels = picture.clone().requires_grad_()
        score = (
            model(pixels.roll((down, right), (1, 2))[None])[0, target] - l2 * (pixels - 0.5).square().sum()
        )
        (slope,) = torch.autograd.grad(score, pixels)
        picture = ((picture + rate * slope).clamp(0, 1) * 255).round() / 255
    return picture
