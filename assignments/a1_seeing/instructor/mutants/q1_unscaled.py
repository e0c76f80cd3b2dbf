"""The weights are shown as they are.

Hint: not scaled
"""

import torch


def filter_grid(weights, columns):
    count, _, high, wide = weights.shape
    rows = (count + columns - 1) // columns
    grid = torch.ones(3, rows * (high + 1) - 1, columns * (wide + 1) - 1)
    for number, weight in enumerate(weights):
        row, column = divmod(number, columns)
        part = weight
        top, left = row * (high + 1), column * (wide + 1)
        grid[:, top : top + high, left : left + wide] = part
    return grid
