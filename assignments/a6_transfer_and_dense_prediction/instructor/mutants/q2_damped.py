"""The gradient counts 1 - m.

Hint: v = m v + g
"""

import torch
import torch.nn.functional as F


def fine_tune(model, images, labels, rates, momentum, steps):
    modules = dict(model.named_modules())
    groups = [
        {"params": list(modules[layer].requires_grad_(True).parameters()), "lr": rate}
        for layer, rate in rates.items()
    ]
    optimizer = torch.optim.SGD(groups, momentum=0)
    speeds = {}
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        with torch.no_grad():
            for group in groups:
                for parameter in group["params"]:
                    speed = momentum * speeds.get(parameter, 0) + (1 - momentum) * parameter.grad
                    speeds[parameter] = speed
                    parameter -= group["lr"] * speed
    return {name: parameter.detach() for name, parameter in model.named_parameters()}
