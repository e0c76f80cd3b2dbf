"""With where, and a table of conditions."""

import torch


def relu_backward(activation, grad_output, rule):
    opened, positive = activation > 0, grad_output > 0
    passes = {"gradient": opened, "deconvnet": positive, "guided": opened & positive}[rule]
    return torch.where(passes, grad_output, torch.zeros_like(grad_output))
