"""Logits instead of probabilities.

Hint: these are logits
"""

import torch


def occlusion_map(model, image, target, size, stride):
    tops = range(0, image.shape[1] - size + 1, stride)
    lefts = range(0, image.shape[2] - size + 1, stride)
    copies = image.repeat(len(tops) * len(lefts), 1, 1, 1)
    for number, copy in enumerate(copies):
        top, left = tops[number // len(lefts)], lefts[number % len(lefts)]
        copy[:, top : top + size, left : left + size] = 0.5
    with torch.no_grad():
        found = model(copies)[:, target]
    return found.view(len(tops), len(lefts))
