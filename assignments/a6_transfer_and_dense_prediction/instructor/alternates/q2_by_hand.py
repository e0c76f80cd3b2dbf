"""With autograd's gradients and speeds in a dictionary."""

import torch
import torch.nn.functional as F


def fine_tune(model, images, labels, rates, momentum, steps):
    values = {name: p.requires_grad_(True) for name, p in model.named_parameters()}
    speeds = {name: torch.zeros_like(p) for name, p in values.items()}
    for _ in range(steps):
        loss = F.cross_entropy(model(images), labels)
        for (name, p), g in zip(
            values.items(), torch.autograd.grad(loss, list(values.values())), strict=True
        ):
            speeds[name] = momentum * speeds[name] + g
            p.data -= rates.get(name.split(".")[0], 0.0) * speeds[name]
    return {name: p.detach().clone() for name, p in values.items()}
