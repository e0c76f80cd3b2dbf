"""The picture stays shifted.

Hint: the picture stays shifted
"""

import torch
import torch.nn.functional as F


def features7(model, layer, images):
    kept = []
    handle = dict(model.named_modules())[layer].register_forward_hook(
        lambda module, inputs, output: kept.append(output.clone())
    )
    model(images)
    handle.remove()
    return kept[0]


def resize7(picture, size):
    options = {"mode": "bilinear", "align_corners": False, "antialias": True}
    return F.interpolate(picture[None], tuple(size), **options)[0]


def octave(model, layer, original, change, size, shifts, rate):
    plain = resize7(original, size)
    picture = (plain + resize7(change, size)).clamp(0, 1)
    for down, right in shifts:
        picture = picture.roll((down, right), (1, 2))
        pixels = picture.clone().requires_grad_()
        shaken = pixels
        score = features7(model, layer, shaken[None]).square().sum() / 2
        (slope,) = torch.autograd.grad(score, pixels)
        slope = slope / slope.abs().mean()
        picture = (picture + rate * slope).clamp(0, 1)
    return picture - plain
