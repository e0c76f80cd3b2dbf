"""Epsilon is divided by 255 a second time.

Hint: need not be divided
"""

import torch
import torch.nn.functional as F


def fgsm(model, images, labels, epsilon):
    pixels = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(model(pixels), labels), pixels)
    return (images + epsilon / 255 * slope.sign()).clamp(0, 1)
