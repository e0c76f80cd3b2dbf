"""The given function, bug and all.

Hint: no ReLU was met
"""

import torch


def by_rule(model, images, targets, rule):
    def change(module, below, grad_output):
        if rule == "deconvnet":
            return (grad_output[0].clamp(min=0),)
        if rule == "guided":
            return (below[0].clamp(min=0),)
        return None

    relus = [module for module in model.modules() if isinstance(module, torch.nn.ReLU)]
    for relu in relus:
        relu.inplace = False
    handles = [relu.register_full_backward_hook(change) for relu in relus]
    pixels = images.clone().requires_grad_()
    score = model(pixels).gather(1, targets[:, None]).sum()
    (found,) = torch.autograd.grad(score, pixels)
    for handle in handles:
        handle.remove()
    return found
