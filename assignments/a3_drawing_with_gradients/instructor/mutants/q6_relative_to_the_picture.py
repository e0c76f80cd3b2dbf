"""Divided by the picture's own matrix.

Hint: not to that of the picture
"""

import torch


def features6(model, layer, images):
    kept = []
    handle = dict(model.named_modules())[layer].register_forward_hook(
        lambda module, inputs, output: kept.append(output.clone())
    )
    model(images)
    handle.remove()
    return kept[0]


def table6(features):
    rows = features.flatten(2)
    return rows @ rows.transpose(1, 2) / rows.shape[2]


def style_loss(model, layers, images, style, weights):
    loss = torch.zeros(len(images))
    for layer, weight in zip(layers, weights, strict=True):
        goal = table6(features6(model, layer, style[None]))
        have = table6(features6(model, layer, images))
        loss = loss + weight * (have - goal).square().sum((1, 2)) / have.square().sum((1, 2))
    return loss
