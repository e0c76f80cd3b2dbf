"""The class is the predicted one.

Hint: the gradient of the largest logit
"""

import torch


def saliency(model, images, targets):
    pixels = images.clone().requires_grad_()
    score = model(pixels).amax(1).sum()
    (slopes,) = torch.autograd.grad(score, pixels)
    return slopes.abs().amax(1)
