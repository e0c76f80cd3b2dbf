"""The change is what is followed, not the picture."""

import torch


def pgd(model, images, labels, epsilon, steps, step_size):
    change = torch.zeros_like(images)
    for _ in range(steps):
        change = change.detach().requires_grad_()
        loss = -model(images + change).log_softmax(1)[range(len(images)), labels].mean()
        slope = torch.autograd.grad(loss, change)[0]
        change = torch.clip(change.detach() + step_size * torch.sign(slope), -epsilon, epsilon)
        change = torch.clip(images + change, 0, 1) - images
    return images + change
