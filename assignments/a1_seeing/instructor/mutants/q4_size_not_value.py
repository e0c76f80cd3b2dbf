"""The largest size is taken, whatever its sign.

Hint: responses have a sign
"""

import torch


def top_patches(maps, k, size, step, start, side):
    count, high, wide = maps.shape
    best = []
    for picture in range(count):
        place = int(maps[picture].abs().argmax())
        best.append((float(maps[picture].abs().flatten()[place]), picture, place // wide, place % wide))
    best = sorted(best, reverse=True)[:k]
    boxes = []
    for _, picture, row, column in best:
        top, left = start + row * step, start + column * step
        boxes.append([picture, max(top, 0), max(left, 0), min(top + size, side), min(left + size, side)])
    return torch.tensor(boxes)
