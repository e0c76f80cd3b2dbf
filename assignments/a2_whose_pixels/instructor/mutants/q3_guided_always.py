"""A hook on what a ReLU gives out: its own derivative comes after it.

Hint: has had its turn
"""

import torch
from torch.overrides import TorchFunctionMode


class _Cut(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if function in (torch.relu, torch.nn.functional.relu):
            out.register_hook(lambda grad_output: grad_output.clamp(min=0))
        return out


def by_rule(model, images, targets, rule):
    pixels = images.clone().requires_grad_()
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    if rule == "gradient":
        score = model(pixels).gather(1, targets[:, None]).sum()
    else:
        with _Cut():
            score = model(pixels).gather(1, targets[:, None]).sum()
    return torch.autograd.grad(score, pixels)[0]
