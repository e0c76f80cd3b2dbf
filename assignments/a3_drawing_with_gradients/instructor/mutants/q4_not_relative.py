"""The error is not divided.

Hint: the error is relative: divide
"""

import torch


def features4(model, layer, images):
    kept = []
    handle = dict(model.named_modules())[layer].register_forward_hook(
        lambda module, inputs, output: kept.append(output.clone())
    )
    model(images)
    handle.remove()
    return kept[0]


def rough4(images, beta):
    right = torch.nn.functional.pad(images[..., 1:] - images[..., :-1], (0, 1))
    down = torch.nn.functional.pad(images[..., 1:, :] - images[..., :-1, :], (0, 0, 0, 1))
    return (right**2 + down**2 + 1e-12).pow(beta / 2).sum((1, 2, 3))


def inversion_loss(model, layer, images, original, tv, beta):
    wanted, found = features4(model, layer, original[None]), features4(model, layer, images)
    return (found - wanted).square().sum((1, 2, 3)) + tv * rough4(images, beta)
