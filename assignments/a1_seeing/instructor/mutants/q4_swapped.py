"""Rows and columns are mixed up.

Hint: rows go with top
"""

import torch


def top_patches(maps, k, size, step, start, side):
    count, high, wide = maps.shape
    best = []
    for picture in range(count):
        place = int(maps[picture].argmax())
        best.append((float(maps[picture].flatten()[place]), picture, place // wide, place % wide))
    best = sorted(best, reverse=True)[:k]
    boxes = []
    for _, picture, row, column in best:
        top, left = start + column * step, start + row * step
        boxes.append([picture, max(top, 0), max(left, 0), min(top + size, side), min(left + size, side)])
    return torch.tensor(boxes)
