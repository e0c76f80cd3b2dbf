"""The gradient is autograd's own; the rest is cut off."""

import torch


def relu_backward(activation, grad_output, rule):
    if rule != "gradient":
        grad_output = torch.relu(grad_output)
    if rule == "deconvnet":
        return grad_output
    leaf = activation.clone().requires_grad_()
    return torch.autograd.grad(leaf.relu(), leaf, grad_output)[0]
