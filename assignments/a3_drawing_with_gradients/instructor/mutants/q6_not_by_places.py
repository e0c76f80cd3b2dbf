"""Gram matrices are not divided by the number of places.

Hint: by its number of places
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
    return rows @ rows.transpose(1, 2)


def style_loss(model, layers, images, style, weights):
    loss = torch.zeros(len(images))
    for layer, weight in zip(layers, weights, strict=True):
        goal = table6(features6(model, layer, style[None]))
        have = table6(features6(model, layer, images))
        loss = loss + weight * (have - goal).square().sum((1, 2)) / goal.square().sum()
    return loss
