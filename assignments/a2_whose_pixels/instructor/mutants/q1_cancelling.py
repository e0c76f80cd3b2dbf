"""The colours cancel before the size is taken.

Hint: or the colours cancel
"""

import torch


def saliency(model, images, targets):
    pixels = images.clone().requires_grad_()
    score = model(pixels).gather(1, targets[:, None]).sum()
    (slopes,) = torch.autograd.grad(score, pixels)
    return slopes.sum(1).abs()
