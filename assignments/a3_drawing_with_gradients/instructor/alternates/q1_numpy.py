"""With numpy, picture by picture; hypot is the root of both squares."""

import numpy as np


def total_variation(images, beta):
    totals = []
    for picture in images.numpy().astype(np.float64):
        right = np.diff(picture, axis=2, append=picture[:, :, -1:])
        down = np.diff(picture, axis=1, append=picture[:, -1:])
        totals.append(float((np.hypot(right, down) ** beta).sum()))
    return totals
