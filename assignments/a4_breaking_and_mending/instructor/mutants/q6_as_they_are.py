"""The pictures are not attacked.

Hint: attack them first
"""

import torch.nn.functional as F


def training_step(model, images, labels, epsilon, rate):
    model.requires_grad_(True)
    inputs = images
    loss = F.cross_entropy(model(inputs), labels)
    loss.backward()
    return {name: (value - rate * value.grad).detach() for name, value in model.named_parameters()}
