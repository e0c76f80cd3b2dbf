"""Boxes reach out of the picture.

Hint: cut it to
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
        top, left = start + row * step, start + column * step
        boxes.append([picture, top, left, top + size, left + size])
    return torch.tensor(boxes)
