"""With an optimiser, cleared in between, and the state of the network."""

import torch
import torch.nn.functional as F


def training_step(model, images, labels, epsilon, rate):
    model.requires_grad_(True)
    descent = torch.optim.SGD(model.parameters(), lr=rate)
    pixels = images.clone().requires_grad_()
    F.cross_entropy(model(pixels), labels).backward()
    attacked = (images + epsilon * pixels.grad.sign()).clamp(0, 1)
    descent.zero_grad()
    F.cross_entropy(model(attacked), labels).backward()
    descent.step()
    return {name: value.detach().clone() for name, value in model.named_parameters()}
