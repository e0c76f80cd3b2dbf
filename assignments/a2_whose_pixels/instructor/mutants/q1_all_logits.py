"""All logits at once.

Hint: all logits together
"""

import torch


def saliency(model, images, targets):
    pixels = images.clone().requires_grad_()
    score = model(pixels).sum()
    (slopes,) = torch.autograd.grad(score, pixels)
    return slopes.abs().amax(1)
