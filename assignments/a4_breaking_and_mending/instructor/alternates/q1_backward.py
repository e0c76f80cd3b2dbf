"""With backward, and one picture at a time."""

import torch


def fgsm(model, images, labels, epsilon):
    found = []
    for image, label in zip(images, labels, strict=True):
        pixels = image.unsqueeze(0).clone()
        pixels.requires_grad = True
        loss = -torch.log_softmax(model(pixels), dim=1)[0, label]
        loss.backward()
        found.append((image + epsilon * torch.sign(pixels.grad[0])).clip(0, 1))
    return torch.stack(found)
