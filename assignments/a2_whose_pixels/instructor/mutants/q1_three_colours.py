"""The three colours are kept.

Hint: one number for each pixel
"""

import torch


def saliency(model, images, targets):
    pixels = images.clone().requires_grad_()
    score = model(pixels).gather(1, targets[:, None]).sum()
    (slopes,) = torch.autograd.grad(score, pixels)
    return slopes.abs()
