"""By counting labels below the mask."""

import torch


def dissect(maps, labels, concepts, share, iou_threshold):
    large = torch.nn.functional.interpolate(
        maps.double(), labels.shape[1:], mode="bilinear", align_corners=False
    )
    areas = torch.bincount(labels.flatten(), minlength=concepts)
    table = []
    for values in large.unbind(1):
        kept = round(share * values.numel())
        mask = values > values.flatten().sort(descending=True).values[kept]
        both = torch.bincount(labels[mask], minlength=concepts)
        table.append(both / (areas + mask.sum() - both).clamp(min=1))
    iou = torch.stack(table)
    named = iou.argmax(1)[iou.amax(1) > iou_threshold]
    return {"iou": iou, "detectors": torch.tensor(len(named)), "unique": len(torch.unique(named))}
