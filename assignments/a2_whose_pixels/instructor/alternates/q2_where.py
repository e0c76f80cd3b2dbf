"""With where, and a table of conditions."""

import torch


def relu_backward(activation, arriving, rule):
    opened, positive = activation > 0, arriving > 0
    passes = {"gradient": opened, "deconvnet": positive, "guided": opened & positive}[rule]
    return torch.where(passes, arriving, torch.zeros_like(arriving))
