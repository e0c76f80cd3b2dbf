"""Least squares in float64, with a column of ones."""

import numpy as np


def linear_rule(codes, labels):
    both = np.hstack([codes.numpy().astype(np.float64), np.ones((len(codes), 1))])
    wanted = np.eye(int(labels.max()) + 1)[labels.numpy()]
    found = np.linalg.lstsq(both, wanted, rcond=None)[0]
    return {"weight": found[:-1].T, "bias": found[-1]}
