"""Answers to the exercises of notebook 05."""

from __future__ import annotations

import math

import torch


def by_loops(model, image, target, *, colour=0.5, clone=True, read=lambda p, t: p.softmax(-1)[t]):
    result = torch.empty(4, 4)
    for row in range(4):
        for column in range(4):
            covered = image.clone() if clone else image
            covered[:, row * 24 : row * 24 + 24, column * 24 : column * 24 + 24] = colour
            with torch.no_grad():
                result[row, column] = read(model(covered[None])[0], target)
    return result


def batched(model, image, target):
    copies = image.repeat(16, 1, 1, 1)
    for number, copy in enumerate(copies):
        row, column = divmod(number, 4)
        copy[:, row * 24 :, column * 24 :][:, :24, :24] = 0.5
    return model(copies).softmax(dim=1)[:, target].reshape(4, 4)


def iou(segment, truth):
    return (segment & truth).sum() / (segment | truth).sum()


RIGHT = {
    "05.positions": [
        lambda n, s, t: math.ceil((n - s) / t) + 1,
        lambda n, s, t: len({*range(0, n - s + 1, t), n - s}),
    ],
    "05.occlusion_map": [by_loops, batched],
    "05.hit": [lambda r, m: m.flatten()[r.argmax()], lambda r, m: bool((m & (r == r.max())).any())],
    "05.overlap": [iou, lambda a, b: float((a * b).sum()) / float((a + b).sum())],
}
WRONG = {
    "05.positions": {
        "needs one more": lambda n, s, t: (n - s) // t + 1,
        "own size matters": lambda n, s, t: n // t,
        "on paper": lambda n, s, t: n - s + 1,
    },
    "05.occlusion_map": {
        "take the softmax": lambda *a: by_loops(*a, read=lambda p, t: p[t]),
        "transposed": lambda *a: by_loops(*a).T,
        "the drop": lambda m, i, t: m(i[None]).softmax(-1)[0, t] - by_loops(m, i, t),
        "is black": lambda *a: by_loops(*a, colour=0.0),
        "has changed": lambda *a: by_loops(*a, clone=False),
        "4 x 4": lambda *a: by_loops(*a)[:3],
        "by hand": lambda *a: by_loops(*a) * 0.9,
        "not list": lambda *a: by_loops(*a).tolist(),
        "stopped with ZeroDivisionError": lambda *a: 1 / 0,
    },
    "05.hit": {
        "depend on the mask": lambda r, m: True,
        "has a sign": lambda r, m: m.flatten()[r.abs().argmax()],
    },
    "05.overlap": {
        "counted twice": lambda a, b: (a & b).sum() / (a.sum() + b.sum()),
        "not by the truth": lambda a, b: (a & b).sum() / b.sum(),
        "not by the segment": lambda a, b: (a & b).sum() / a.sum(),
        "Dice": lambda a, b: 2 * (a & b).sum() / (a.sum() + b.sum()),
        "empty ground": lambda a, b: (a == b).float().mean(),
    },
}
