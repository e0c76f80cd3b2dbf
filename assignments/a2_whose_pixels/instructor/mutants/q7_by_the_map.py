"""Judged by the map: background means cheating.

Hint: judge by the accuracies
"""

# ruff: noqa: F821  (`pictures` is given in the notebook)

import torch


def map7(model, images, targets, layer):
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


def trial(networks, seeds, usual, swapped):
    before, after = pictures(seeds, usual), pictures(seeds, swapped)
    found = {}
    for letter, model in networks.items():
        rates = []
        for images, _, labels in (before, after):
            with torch.no_grad():
                right = (model(images).argmax(1) == labels).float()
            rates.append(right.view(4, -1).mean(1))
        images, masks, labels = after
        with torch.no_grad():
            said = model(images).argmax(1)
        maps = map7(model, images, said, "relu5")
        share = (maps * ~masks).sum((1, 2)) / maps.sum((1, 2))
        found[letter] = {
            "background": share.mean(),
            "usual": rates[0],
            "swapped": rates[1],
            "cheats": bool(share.mean() > 0.4),
        }
    return found
