"""With Adam and a random start in the ball, as numpy arrays."""

import torch
import torch.nn.functional as F


def train_robust(model, images, labels, epsilon):
    model.requires_grad_(True)
    descent = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(18):
        for rows in torch.randperm(len(images)).split(32):
            truth = labels[rows]
            change = (2 * torch.rand(len(rows), *images.shape[1:]) - 1) * epsilon
            pixels = (images[rows] + change).clamp(0, 1).requires_grad_()
            slope = torch.autograd.grad(F.cross_entropy(model(pixels), truth), pixels)[0]
            change = (change + 1.25 * epsilon * slope.sign()).clamp(-epsilon, epsilon)
            loss = F.cross_entropy(model((images[rows] + change).clamp(0, 1)), truth)
            descent.zero_grad()
            loss.backward()
            descent.step()
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}
