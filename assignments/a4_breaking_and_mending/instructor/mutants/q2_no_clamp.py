"""Values below 0 and above 1 are left.

Hint: no values outside
"""

import torch
import torch.nn.functional as F


def step_towards(model, images, targets, epsilon):
    pixels = images.clone().requires_grad_()
    logits = model(pixels)
    if targets is None:
        targets = logits.argmin(1)
    (slope,) = torch.autograd.grad(F.cross_entropy(logits, targets), pixels)
    return images - epsilon * slope.sign()
