"""Only the true pixels stand below.

Hint: false alarms belong
"""

import torch


def mean_iou(predictions, masks, classes):
    counted = masks >= 0
    pairs = masks[counted] * classes + predictions[counted]
    table = torch.bincount(pairs, minlength=classes**2).view(classes, classes).double()
    both = table.diagonal()
    shares = both / table.sum(1)
    return {"per_class": shares, "mean": float(shares.nanmean())}
