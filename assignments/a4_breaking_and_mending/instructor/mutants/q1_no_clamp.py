"""Values below 0 and above 1 are left.

Hint: no values outside
"""

import torch
import torch.nn.functional as F


def fgsm(model, images, labels, epsilon):
    pixels = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(model(pixels), labels), pixels)
    return images + epsilon * slope.sign()
