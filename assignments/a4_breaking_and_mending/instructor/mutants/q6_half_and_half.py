"""Attacked pictures and pictures as they are, half and half.

Hint: attacked pictures alone
"""

import torch
import torch.nn.functional as F


def attack(model, images, labels, epsilon):
    pixels = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(model(pixels), labels), pixels)
    return (images + epsilon * slope.sign()).clamp(0, 1)


def training_step(model, images, labels, epsilon, rate):
    model.requires_grad_(True)
    inputs = torch.cat([attack(model, images, labels, epsilon), images])
    loss = F.cross_entropy(model(inputs), labels.repeat(2))
    loss.backward()
    return {name: (value - rate * value.grad).detach() for name, value in model.named_parameters()}
