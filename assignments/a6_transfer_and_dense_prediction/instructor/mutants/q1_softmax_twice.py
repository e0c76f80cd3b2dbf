"""A softmax stands before a loss that has one.

Hint: does the softmax itself
"""

import torch
import torch.nn.functional as F


def head_step(model, images, labels, weight, bias, rate):
    model.requires_grad_(False)
    model.fc = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        model.fc.weight.copy_(weight)
        model.fc.bias.copy_(bias)
    F.cross_entropy(model(images).softmax(1), labels).backward()
    with torch.no_grad():
        for parameter in model.fc.parameters():
            parameter -= rate * parameter.grad
    return model.state_dict()
