"""Gradients pile up.

Hint: set it to zero before each step
"""

import torch
import torch.nn.functional as F


def fine_tune(model, images, labels, rates, momentum, steps):
    modules = dict(model.named_modules())
    groups = [
        {"params": list(modules[layer].requires_grad_(True).parameters()), "lr": rate}
        for layer, rate in rates.items()
    ]
    optimizer = torch.optim.SGD(groups, momentum=momentum)
    for _ in range(steps):
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return {name: parameter.detach() for name, parameter in model.named_parameters()}
