"""With numpy, and a double loop over rows and columns."""

import numpy as np


def filter_grid(weights, columns):
    filters = weights.numpy()
    count, _, high, wide = filters.shape
    rows = int(np.ceil(count / columns))
    grid = np.ones((3, rows * high + rows - 1, columns * wide + columns - 1), dtype=np.float32)
    for row in range(rows):
        for column in range(columns):
            number = row * columns + column
            if number >= count:
                continue
            one = filters[number]
            if np.ptp(one) == 0:
                one = np.full_like(one, 0.5)
            else:
                one = (one - one.min()) / np.ptp(one)
            y, x = row * (high + 1), column * (wide + 1)
            grid[:, y : y + high, x : x + wide] = one
    return grid
