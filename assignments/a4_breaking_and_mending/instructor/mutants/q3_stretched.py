"""The ball is right, but in the space of -1 to 1.

Hint: lengths in pixel values
"""

import torch
import torch.nn.functional as F


def pgd(model, images, labels, epsilon, steps, step_size):
    attacked = centre = images * 2 - 1
    for _ in range(steps):
        pixels = attacked.detach().requires_grad_()
        loss = F.cross_entropy(model((pixels + 1) / 2), labels)
        (slope,) = torch.autograd.grad(loss, pixels)
        attacked = pixels + step_size * slope.sign()
        attacked = torch.maximum(torch.minimum(attacked, centre + epsilon), centre - epsilon).clamp(-1, 1)
    return ((attacked + 1) / 2).detach()
