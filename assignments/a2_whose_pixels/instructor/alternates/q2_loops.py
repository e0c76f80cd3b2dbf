"""Number by number."""

import numpy as np


def relu_backward(activation, arriving, rule):
    handed = np.zeros(arriving.shape, dtype=np.float32)
    for place in np.ndindex(*arriving.shape):
        f, r = float(activation[place]), float(arriving[place])
        if rule != "deconvnet" and f <= 0:
            continue
        if rule != "gradient" and r <= 0:
            continue
        handed[place] = r
    return handed
