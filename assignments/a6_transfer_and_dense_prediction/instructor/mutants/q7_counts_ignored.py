"""Answers count where nothing is to be said.

Hint: -1 count nowhere
"""

import torch


def mean_iou(predictions, masks, classes):
    shares = []
    for one in range(classes):
        said, true = predictions == one, masks == one
        shares.append((said & true).sum() / (said | true).sum())
    shares = torch.stack(shares)
    return {"per_class": shares, "mean": float(shares.nanmean())}
