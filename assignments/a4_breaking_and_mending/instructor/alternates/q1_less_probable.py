"""Down the probability of the label has the same sign as up its loss."""

import torch


def fgsm(model, images, labels, epsilon):
    pixels = images.detach().requires_grad_(True)
    picked = model(pixels).softmax(1).gather(1, labels[:, None]).sum()
    picked.backward()
    step = torch.where(pixels.grad > 0, -epsilon, torch.where(pixels.grad < 0, epsilon, 0.0))
    return torch.minimum(torch.maximum(images + step, torch.zeros(1)), torch.ones(1)).detach()
