"""With sets of pixels, in numpy."""

import numpy as np
import torch.nn.functional as F


def dissect(maps, labels, concepts, share, iou_threshold):
    size = tuple(labels.shape[1:])
    large = F.interpolate(maps, size=size, mode="bilinear").numpy().astype(np.float64)
    truth, names, rows = labels.numpy(), [], []
    for unit in range(large.shape[1]):
        mask = large[:, unit] > np.quantile(large[:, unit], 1 - share)
        row = []
        for concept in range(concepts):
            both = np.count_nonzero(mask & (truth == concept))
            row.append(both / max(1, np.count_nonzero(mask) + np.count_nonzero(truth == concept) - both))
        rows.append(row)
        if max(row) > iou_threshold:
            names.append(int(np.argmax(row)))
    return {"iou": np.array(rows), "detectors": len(names), "unique": len(set(names))}
