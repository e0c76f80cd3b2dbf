"""The new head is put in, and that is all.

Hint: compare the state
"""

import torch
import torch.nn.functional as F


def head_step(model, images, labels, weight, bias, rate):
    model.requires_grad_(False)
    model.fc = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        model.fc.weight.copy_(weight)
        model.fc.bias.copy_(bias)
    F.cross_entropy(model(images), labels).backward()
    with torch.no_grad():
        pass
    return model.state_dict()
