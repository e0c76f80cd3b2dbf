"""One round at a tiny rate.

Hint: not learnt enough
"""

import torch
import torch.nn.functional as F


def attack(model, images, labels, epsilon):
    pixels = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(model(pixels), labels), pixels)
    return (images + epsilon * slope.sign()).clamp(0, 1)


def train_robust(model, images, labels, epsilon):
    model.train().requires_grad_(True)
    descent = torch.optim.SGD(model.parameters(), 0.001, momentum=0.9)
    for _ in range(1):
        for rows in torch.randperm(len(images)).split(40):
            inputs = attack(model, images[rows], labels[rows], epsilon)
            descent.zero_grad()
            F.cross_entropy(model(inputs), labels[rows]).backward()
            descent.step()
    return {name: value.detach() for name, value in model.state_dict().items()}
