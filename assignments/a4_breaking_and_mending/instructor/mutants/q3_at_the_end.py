"""The picture is brought back at the very end.

Hint: after *every* step
"""

import torch
import torch.nn.functional as F


def pgd(model, images, labels, epsilon, steps, step_size):
    attacked = images
    for _ in range(steps):
        pixels = attacked.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(F.cross_entropy(model(pixels), labels), pixels)
        attacked = pixels.detach() + step_size * slope.sign()
    return (images + (attacked - images).clamp(-epsilon, epsilon)).clamp(0, 1)
