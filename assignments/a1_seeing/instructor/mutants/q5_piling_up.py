"""Every place is covered in the same picture.

Hint: pile up
"""

import torch


def occlusion_map(model, image, target, size, stride):
    rows = []
    covered = image.clone()
    for top in range(0, image.shape[1] - size + 1, stride):
        row = []
        for left in range(0, image.shape[2] - size + 1, stride):
            covered[:, top : top + size, left : left + size] = 0.5
            row.append(model(covered[None]).softmax(1)[0, target])
        rows.append(torch.stack(row))
    return torch.stack(rows)
