"""All layers learn at the largest rate.

Hint: one rate goes to all
"""

import torch
import torch.nn.functional as F


def fine_tune(model, images, labels, rates, momentum, steps):
    optimizer = torch.optim.SGD(model.requires_grad_(True).parameters(), max(rates.values()), momentum)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return {name: parameter.detach() for name, parameter in model.named_parameters()}
