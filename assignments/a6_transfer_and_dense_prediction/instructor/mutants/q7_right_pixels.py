"""The mean is the share of right pixels.

Hint: not the share of right pixels
"""

import torch


def mean_iou(predictions, masks, classes):
    counted = masks >= 0
    pairs = masks[counted] * classes + predictions[counted]
    table = torch.bincount(pairs, minlength=classes**2).view(classes, classes).double()
    both = table.diagonal()
    shares = both / (table.sum(0) + table.sum(1) - both)
    return {"per_class": shares, "mean": float(both.sum() / table.sum())}
