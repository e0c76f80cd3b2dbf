"""With numpy and the covariance; the factor N - 1 does not matter, since the length is 1 in the end."""

import numpy as np


def compact(train, test, dimensions):
    train, test = train.numpy().astype(float), test.numpy().astype(float)
    values, vectors = np.linalg.eigh(np.cov(train, rowvar=False, bias=True))
    order = np.argsort(-values)[:dimensions]
    rows = []
    for column, value in zip(vectors[:, order].T, values[order], strict=True):
        column = column * np.sign(column[np.argmax(np.abs(column))])
        rows.append((test - train.mean(axis=0)) @ column / np.sqrt(value))
    codes = np.stack(rows, axis=1)
    return codes / np.linalg.norm(codes, axis=1, keepdims=True)
