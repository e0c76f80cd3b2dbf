"""Answers to the exercises of notebook 01."""

from __future__ import annotations

import math


def size(n, k, s, p, d):
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


def field(layers):
    width, step = 1, 1
    for kernel, stride in layers:
        width, step = width + (kernel - 1) * step, step * stride
    return width


def late_field(layers):
    width, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        width += (kernel - 1) * step
    return width


def backwards(layers):
    width = 1
    for kernel, stride in reversed(layers):
        width = (width - 1) * stride + kernel
    return width


RIGHT = {
    "01.output_size": [
        size,
        lambda n, k, s, p, d: math.floor((n + 2 * p - (d * (k - 1) + 1)) / s + 1),
        lambda n, k, s, p, d: len(range(0, n + 2 * p - d * (k - 1), s)),
    ],
    "01.field_size": [field, backwards],
    "01.as_kernels": [
        lambda w, c, h, b: w.view(len(w), c, h, b),
        lambda w, c, h, b: w.unflatten(1, (c, h, b)).clone(),
    ],
}
WRONG = {
    "01.output_size": {
        "both sides": lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1,
        "the kernel reaches over": lambda n, k, s, p, d: (n + 2 * p - k) // s + 1,
        "add 1": lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s,
        "no place: round down": lambda n, k, s, p, d: math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1,
        "whole numbers": lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1,
        "on paper": lambda n, k, s, p, d: 1000,
        "stopped with ZeroDivisionError": lambda *_: 1 / 0,
    },
    "01.field_size": {
        "several pixels of the picture": lambda layers: 1 + sum(kernel - 1 for kernel, _ in layers),
        "not for itself": late_field,
        "size and step apart": lambda layers: 0,
    },
    "01.as_kernels": {
        "6 kernels of 2 x 3 x 4": lambda w, c, h, b: w,
        "in another order": lambda w, c, h, b: w.view(len(w), h, b, c).permute(0, 3, 1, 2),
        "not list": lambda w, c, h, b: w.tolist(),
        "have changed": lambda w, c, h, b: w.mul_(2).view(len(w), c, h, b),
    },
}
