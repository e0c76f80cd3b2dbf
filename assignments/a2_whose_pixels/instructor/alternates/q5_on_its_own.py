"""Without the functions of the other questions."""

import torch
import torch.nn.functional as F


class _RuledRelu5(torch.autograd.Function):
    rule = "gradient"

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (values,) = ctx.saved_tensors
        if _RuledRelu5.rule != "gradient":
            grad_output = grad_output.clamp(min=0)
        return grad_output if _RuledRelu5.rule == "deconvnet" else grad_output * (values > 0)


def fine5(model, images, targets, rule):
    pixels = images.clone().requires_grad_()
    kept = F.relu, torch.relu
    _RuledRelu5.rule = rule
    F.relu = torch.relu = lambda values, inplace=False: _RuledRelu5.apply(values)
    try:
        score = model(pixels).gather(1, targets[:, None]).sum()
    finally:
        F.relu, torch.relu = kept
    return torch.autograd.grad(score, pixels)[0]


def coarse5(model, images, targets, layer):
    kept = []

    def keep(module, inputs, output):
        kept.append(output)
        return output.clone()

    handle = dict(model.named_modules())[layer].register_forward_hook(keep)
    score = model(images.clone().requires_grad_()).gather(1, targets[:, None]).sum()
    handle.remove()
    (slopes,) = torch.autograd.grad(score, kept[0])
    weights = slopes.mean((2, 3), keepdim=True)
    added = (weights * kept[0].detach()).sum(1, keepdim=True)
    added = added.clamp(min=0)
    large = torch.nn.functional.interpolate(added, images.shape[2:], mode="bilinear", align_corners=False)
    return large[:, 0]


def guided_grad_cam(model, images, targets, layer):
    fine = fine5(model, images, targets, "guided")
    return torch.einsum("nchw,nhw->nchw", fine, coarse5(model, images, targets, layer))
