"""The mean of the pictures' IoU.

Hint: not the mean over pictures
"""

import torch
import torch.nn.functional as F


def dissect(maps, labels, concepts, share, iou_threshold):
    large = F.interpolate(maps, labels.shape[1:], mode="bilinear", align_corners=False)
    iou = torch.zeros(maps.shape[1], concepts)
    for unit in range(maps.shape[1]):
        source = large[:, unit]
        mask = large[:, unit] > torch.quantile(source.flatten(), 1 - share)
        for concept in range(concepts):
            there = labels == concept
            iou[unit, concept] = (
                (mask & there).flatten(1).sum(1) / (mask | there).flatten(1).sum(1).clamp(min=1)
            ).mean()
    best, which = iou.max(1)
    return {
        "iou": iou,
        "detectors": int((best > iou_threshold).sum()),
        "unique": len(set(which[best > iou_threshold].tolist())),
    }
