"""Answers to the exercises of notebook 19."""

from __future__ import annotations

import torch


def iou(predictions, truth, index):
    a, b = predictions == index, truth == index
    return (a & b).sum() / (a | b).sum()


def stamped(values, kernel, stride, replace=False):
    k, (rows, columns) = len(kernel), values.shape
    output = torch.zeros((rows - 1) * stride + k, (columns - 1) * stride + k)
    for row in range(rows):
        for column in range(columns):
            window = output[row * stride : row * stride + k, column * stride : column * stride + k]
            window.copy_(values[row, column] * kernel + (0 if replace else window))
    return output


RIGHT = {
    "19.transposed": [
        stamped,
        lambda x, w, s: torch.nn.functional.conv_transpose2d(x[None, None], w[None, None], stride=s)[0, 0],
    ],
    "19.unpooled": [[[0, 0, 40, 0], [0, 70, 0, 0]], torch.tensor([[0.0, 0, 40, 0], [0, 70, 0, 0]])],
    "19.output_size": [
        lambda n, k, s, p: (n - 1) * s + k - 2 * p,
        lambda n, k, s, p: torch.nn.ConvTranspose2d(1, 1, k, s, p)(torch.zeros(1, 1, n, n)).shape[-1],
    ],
    "19.iou": [iou, lambda a, t, i: float(iou(a, t, i))],
}
WRONG = {
    "19.transposed": {
        "they are added": lambda x, w, s: stamped(x, w, s, replace=True),
        "upside down": lambda x, w, s: stamped(x, w.flip(0, 1), s),
        "exchanged": lambda x, w, s: stamped(x, w.T, s),
        "7 x 7": lambda x, w, s: stamped(x, w, 1),
        "to the output": lambda x, w, s: torch.ones(7, 7),
    },
    "19.unpooled": {
        "not the maxima": [[0, 0, 9, 0], [0, 8, 0, 0]],
        "not to the window's first place": [[70, 0, 40, 0], [0, 0, 0, 0]],
        "all others are zero": [[70, 70, 40, 40], [70, 70, 40, 40]],
        "yours is 1 x 2": [[70, 40]],
        "largest number of each window": [[0, 0, 70, 0], [0, 40, 0, 0]],
    },
    "19.output_size": {
        "goes the other way": lambda n, k, s, p: (n + 2 * p - k) // s + 1,
        "you forget what is cut off": lambda n, k, s, p: (n - 1) * s + k,
        "at both borders": lambda n, k, s, p: (n - 1) * s + k - p,
        "the last begins at": lambda n, k, s, p: n * s + k - 2 * p,
        "draw the stamps": lambda n, k, s, p: 7,
    },
    "19.iou": {
        "true pixels that were found": lambda a, t, i: ((a == i) & (t == i)).sum() / (t == i).sum(),
        "answered pixels that are right": lambda a, t, i: ((a == i) & (t == i)).sum() / (a == i).sum(),
        "on which both agree": lambda a, t, i: ((a == i) == (t == i)).float().mean(),
        "only once": lambda a, t, i: ((a == i) & (t == i)).sum() / ((a == i).sum() + (t == i).sum()),
        "Dice": lambda a, t, i: 2 * ((a == i) & (t == i)).sum() / ((a == i).sum() + (t == i).sum()),
        "count the pixels": lambda a, t, i: 0.123,
    },
}
STUBS = {"19.unpooled": [None, ...]}
