"""`torch.relu` is met, a ReLU that works in place is not.

Hint: which work in place
"""

import torch


class _RuledRelu(torch.autograd.Function):
    rule = "gradient"

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (values,) = ctx.saved_tensors
        if _RuledRelu.rule != "gradient":
            grad_output = grad_output.clamp(min=0)
        return grad_output if _RuledRelu.rule == "deconvnet" else grad_output * (values > 0)


def by_rule(model, images, targets, rule):
    pixels = images.clone().requires_grad_()
    kept = torch.relu
    _RuledRelu.rule = rule
    torch.relu = lambda values, inplace=False: _RuledRelu.apply(values)
    try:
        score = model(pixels).gather(1, targets[:, None]).sum()
    finally:
        torch.relu = kept
    return torch.autograd.grad(score, pixels)[0]
