"""Slow oracles: each technique once more, number by number from its equation, for tiny networks in float64.

They share nothing with the kit but the equation, and are free of anything that makes the kit's own code quick: no batches, no
convolution, no automatic derivative where the derivative is the point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

# --- gradients and class maps -----------------------------------------------------------------------------------------


def slope(function: Callable[[Tensor], Tensor], at: Tensor, step: float = 1e-6) -> Tensor:
    """The gradient of a number with respect to `at`, from central differences: (f(a + h) - f(a - h)) / 2h, entry by entry."""
    found = torch.zeros_like(at)
    for place in product(*map(range, at.shape)):
        up, down = at.clone(), at.clone()
        up[place] += step
        down[place] -= step
        found[place] = (function(up) - function(down)) / (2 * step)
    return found


def relu_way_back(
    layers: list[tuple[list[list[float]], list[float]]], pixels: list[float], target: int, rule: str
) -> list[float]:
    """R at the pixels for an output of a network of (weights, bias) layers with ReLUs between them, by the lecture's three lines."""
    f, before = list(pixels), []  # `before`: f^l, what went into each ReLU
    for number, (weights, bias) in enumerate(layers):
        if number:
            before.append(f)
            f = [max(value, 0.0) for value in f]
        f = [
            b + sum(w * value for w, value in zip(row, f, strict=True))
            for row, b in zip(weights, bias, strict=True)
        ]
    R = [1.0 if index == target else 0.0 for index in range(len(f))]
    for number in reversed(range(len(layers))):
        weights = layers[number][0]
        R = [sum(weights[o][i] * R[o] for o in range(len(R))) for i in range(len(weights[0]))]
        if number:
            passes = {
                "gradient": lambda f, r: f > 0,
                "deconvnet": lambda f, r: r > 0,
                "guided": lambda f, r: f > 0 and r > 0,
            }[rule]
            R = [r if passes(f, r) else 0.0 for f, r in zip(before[number - 1], R, strict=True)]
    return R


def grad_cam(score: Callable[[Tensor], Tensor], maps: Tensor) -> Tensor:
    """h x w, before the ReLU: for one picture's maps K x h x w, and the part of the network behind them."""
    K, h, w = maps.shape
    change = slope(score, maps)
    found = torch.zeros(h, w, dtype=maps.dtype)
    for k in range(K):
        alpha = sum(change[k, i, j] for i in range(h) for j in range(w)) / (h * w)
        for i, j in product(range(h), range(w)):
            found[i, j] += alpha * maps[k, i, j]
    return found


def integrated_gradients(
    score: Callable[[Tensor], Tensor], picture: Tensor, baseline: Tensor, steps: int
) -> Tensor:
    """(x - b) times the mean gradient at the middles of `steps` pieces of the way from b to x."""
    total = torch.zeros_like(picture)
    for k in range(1, steps + 1):
        total += slope(score, baseline + (k - 0.5) / steps * (picture - baseline))
    return (picture - baseline) * total / steps


def smoothgrad(score: Callable[[Tensor], Tensor], picture: Tensor, noises: list[Tensor]) -> Tensor:
    """The mean gradient over the noisy copies."""
    return sum(slope(score, picture + noise) for noise in noises) / len(noises)


# --- scores of maps -----------------------------------------------------------------------------------------------------


def deletion_and_insertion(
    probability: Callable[[Tensor], float],
    picture: Tensor,
    order: list[int],
    hidden: Tensor,
    start: Tensor,
    steps: int,
) -> tuple[list[float], list[float]]:
    """Both curves, for pixels that move in the given order of their numbers (row by row)."""
    width = picture.shape[2]
    curves: tuple[list[float], list[float]] = ([], [])
    for k in range(steps + 1):
        deleted, inserted = picture.clone(), start.clone()
        for number in order[: round(k * len(order) / steps)]:
            i, j = divmod(number, width)
            deleted[:, i, j] = hidden[:, i, j]
            inserted[:, i, j] = picture[:, i, j]
        curves[0].append(probability(deleted))
        curves[1].append(probability(inserted))
    return curves


def structural_similarity(first: Tensor, second: Tensor) -> float:
    """Of two maps H x W, the mean over all windows of 11 x 11."""
    weight = {
        (i, j): math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / (2 * 1.5**2))
        for i, j in product(range(11), repeat=2)
    }
    norm = sum(weight.values())
    values = []
    for top, left in product(range(first.shape[0] - 10), range(first.shape[1] - 10)):
        window = [
            (w / norm, float(first[top + i, left + j]), float(second[top + i, left + j]))
            for (i, j), w in weight.items()
        ]
        m, n = sum(w * a for w, a, _ in window), sum(w * b for w, _, b in window)
        s_m, s_n = sum(w * (a - m) ** 2 for w, a, _ in window), sum(w * (b - n) ** 2 for w, _, b in window)
        s_mn = sum(w * (a - m) * (b - n) for w, a, b in window)
        c1, c2 = 0.01**2, 0.03**2
        values.append((2 * m * n + c1) * (2 * s_mn + c2) / ((m**2 + n**2 + c1) * (s_m + s_n + c2)))
    return sum(values) / len(values)
