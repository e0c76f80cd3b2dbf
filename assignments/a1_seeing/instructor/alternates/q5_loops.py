"""One place at a time."""

import torch


def occlusion_map(model, image, target, size, stride):
    rows = []
    for top in range(0, image.shape[1] - size + 1, stride):
        row = []
        for left in range(0, image.shape[2] - size + 1, stride):
            covered = image.clone()
            covered[:, top : top + size, left : left + size] = 0.5
            with torch.no_grad():
                row.append(float(torch.softmax(model(covered[None]), dim=1)[0, target]))
        rows.append(row)
    return rows
