"""The original rides along as the first picture of the batch."""

import torch


def inversion_loss(model, layer, images, original, tv, beta):
    kept = {}

    def keep(module, inputs, output):
        kept["features"] = output
        return output.clone()

    handle = dict(model.named_modules())[layer].register_forward_hook(keep)
    try:
        model(torch.cat([original[None], images]))
    finally:
        handle.remove()
    flat = kept["features"].flatten(1)
    far = ((flat[1:] - flat[:1]) / flat[0].norm()).norm(dim=1) ** 2
    right = torch.diff(images, dim=3, append=images[..., -1:])
    down = torch.diff(images, dim=2, append=images[..., -1:, :])
    return far + tv * (right.square() + down.square()).sqrt().pow(beta).flatten(1).sum(1)
