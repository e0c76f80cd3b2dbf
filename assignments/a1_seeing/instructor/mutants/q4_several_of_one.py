"""A picture may give several patches.

Hint: at most one patch
"""

import torch


def top_patches(maps, k, size, step, start, side):
    count, high, wide = maps.shape
    order = maps.flatten().argsort(descending=True)[:k].tolist()
    best = [(0, n // (high * wide), n % (high * wide) // wide, n % wide) for n in order]
    boxes = []
    for _, picture, row, column in best:
        top, left = start + row * step, start + column * step
        boxes.append([picture, max(top, 0), max(left, 0), min(top + size, side), min(left + size, side)])
    return torch.tensor(boxes)
