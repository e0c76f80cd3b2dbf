"""The slope itself, which is tiny.

Hint: the *sign* of the slope
"""

import torch
import torch.nn.functional as F


def fgsm(model, images, labels, epsilon):
    pixels = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(model(pixels), labels, reduction="sum"), pixels)
    return (images + epsilon * slope).clamp(0, 1)
