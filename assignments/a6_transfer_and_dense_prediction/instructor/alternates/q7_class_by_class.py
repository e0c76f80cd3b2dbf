"""Class by class, with masks."""

import torch


def mean_iou(predictions, masks, classes):
    valid = masks != -1
    shares = torch.full((classes,), float("nan"))
    for c in range(classes):
        a, t = (predictions == c) & valid, (masks == c) & valid
        union = int((a | t).sum())
        if union:
            shares[c] = int((a & t).sum()) / union
    return {"mean": shares[~shares.isnan()].mean(), "per_class": shares}
