"""An optimizer a layer."""

import torch
import torch.nn.functional as F


def fine_tune(model, images, labels, rates, momentum, steps):
    model.requires_grad_(True)
    optimizers = [
        torch.optim.SGD(getattr(model, layer).parameters(), lr=rate, momentum=momentum)
        for layer, rate in rates.items()
    ]
    for _ in range(steps):
        model.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        for optimizer in optimizers:
            optimizer.step()
    return {
        name: p.detach() for name, p in model.state_dict().items() if name in dict(model.named_parameters())
    }
