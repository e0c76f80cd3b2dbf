"""With the bounds worked out beforehand."""

import torch
import torch.nn.functional as F


def pgd(model, images, labels, epsilon, steps, step_size):
    low, high = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=1)
    attacked = images.clone()
    for _ in range(steps):
        attacked.requires_grad_()
        F.cross_entropy(model(attacked), labels, reduction="sum").backward()
        attacked = torch.min(torch.max(attacked.detach() + step_size * attacked.grad.sign(), low), high)
    return attacked
