"""Answers to the exercises of notebook 09."""

from __future__ import annotations

import torch


def total_variation(image, beta, *, power=lambda b: b / 2, reduce=torch.sum, inner=False):
    right, down = torch.zeros_like(image), torch.zeros_like(image)
    right[..., :-1] = image[..., 1:] - image[..., :-1]
    down[..., :-1, :] = image[..., 1:, :] - image[..., :-1, :]
    squares = right**2 + down**2
    return reduce((squares[..., :-1, :-1] if inner else squares) ** power(beta))


def by_loops(image, beta):
    channels, height, width = image.shape
    total = 0.0
    for c in range(channels):
        for p in range(height):
            for q in range(width):
                right = float(image[c, p, q + 1] - image[c, p, q]) if q + 1 < width else 0.0
                down = float(image[c, p + 1, q] - image[c, p, q]) if p + 1 < height else 0.0
                total += (right**2 + down**2) ** (beta / 2)
    return total


def separate_powers(image, beta):
    right = (image[..., 1:] - image[..., :-1]).abs() ** beta
    down = (image[..., 1:, :] - image[..., :-1, :]).abs() ** beta
    return right.sum() + down.sum()


def error(reconstructed, target):
    return ((reconstructed - target).square().sum() / target.square().sum()).sqrt()


RIGHT = {
    "09.total_variation": [total_variation, by_loops],
    "09.relative_error": [error, lambda f, w: (f - w).norm() / w.norm()],
}
WRONG = {
    "09.total_variation": {
        "do not take the mean": lambda *a: total_variation(*a, reduce=torch.mean),
        "exponent is beta / 2": lambda *a: total_variation(*a, power=lambda b: b),
        "beta is not used": lambda *a: total_variation(*a, power=lambda b: 1),
        "add the two squares": separate_powers,
        "last row and column": lambda *a: total_variation(*a, inner=True),
        "one number": lambda i, b: i.diff(),
        "by hand": lambda *a: 3 * total_variation(*a),
        "has changed": lambda i, b: total_variation(i.mul_(0.5), b),
    },
    "09.relative_error": {
        "not of what was found": lambda f, w: error(w, f),
        "take the root": lambda *a: error(*a) ** 2,
        "divide by the length of the wanted": lambda f, w: (f - w).norm(),
        "not sums of absolute": lambda f, w: (f - w).abs().sum() / w.abs().sum(),
        "flatten both": lambda *a: 2 * error(*a),
    },
}
