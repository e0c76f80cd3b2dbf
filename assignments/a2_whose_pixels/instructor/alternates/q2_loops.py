"""Number by number."""

import numpy as np


def relu_backward(activation, grad_output, rule):
    handed = np.zeros(grad_output.shape, dtype=np.float32)
    for place in np.ndindex(*grad_output.shape):
        f, r = float(activation[place]), float(grad_output[place])
        if rule != "deconvnet" and f <= 0:
            continue
        if rule != "gradient" and r <= 0:
            continue
        handed[place] = r
    return handed
