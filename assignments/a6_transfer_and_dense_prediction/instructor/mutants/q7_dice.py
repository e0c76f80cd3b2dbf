"""Dice in the place of IoU.

Hint: this is Dice
"""

import torch


def mean_iou(predictions, masks, classes):
    counted = masks >= 0
    pairs = masks[counted] * classes + predictions[counted]
    table = torch.bincount(pairs, minlength=classes**2).view(classes, classes).double()
    both = table.diagonal()
    shares = 2 * both / (table.sum(0) + table.sum(1))
    return {"per_class": shares, "mean": float(shares.nanmean())}
