"""Up the logit of the target, whatever the others do.

Hint: slope of the logit
"""

import torch


def step_towards(model, images, targets, epsilon):
    pixels = images.clone().requires_grad_()
    logits = model(pixels)
    if targets is None:
        targets = logits.argmin(1)
    (slope,) = torch.autograd.grad(-logits.gather(1, targets[:, None]).sum(), pixels)
    return (images - epsilon * slope.sign()).clamp(0, 1)
