"""Answers to the exercises of notebook 02."""

from __future__ import annotations

import torch


def r2(w, f):
    return 1 - ((w - f) ** 2).sum() / ((w - w.mean()) ** 2).sum()


def pattern(w):
    return w.mean(0) - w.mean()


RIGHT = {
    "02.filter_picture": [
        lambda w: 0.5 + w / (2 * w.abs().max()),
        lambda w: (w / w.abs().max() + 1) / 2,
    ],
    "02.explained": [
        r2,
        lambda w, f: float(1 - (w - f).square().mean() / w.var(unbiased=False)),
    ],
    "02.grey_pattern": [
        lambda w: 3 * (pattern(w) ** 2).sum() / (w**2).sum(),
        lambda w: float(pattern(w).expand_as(w).square().mean() / w.square().mean()),
    ],
}
WRONG = {
    "02.filter_picture": {
        "zero is not grey": lambda w: (w - w.min()) / (w.max() - w.min()),
        "scale of its own": lambda w: 0.5 + w / (2 * w.abs().amax((1, 2), keepdim=True)),
        "leaves [0, 1]": lambda w: 0.5 + w / w.abs().max(),
        "leaves the sign out": lambda w: w.abs() / w.abs().max(),
        "before you clip": lambda w: (w + 0.5).clamp(0, 1),
        "3 x 5 x 5; yours": lambda w: (0.5 + w / (2 * w.abs().max())).permute(1, 2, 0)[:, :2],
        "have changed": lambda w: w.div_(2 * w.abs().max()).add_(0.5),
        "not list": lambda w: w.tolist(),
        "print both": lambda w: torch.zeros_like(w),
    },
    "02.explained": {
        "mean of the weights away": lambda w, f: 1 - ((w - f) ** 2).sum() / (w**2).sum(),
        "1 minus that": lambda w, f: ((w - f) ** 2).sum() / ((w - w.mean()) ** 2).sum(),
        "worse than the mean": lambda w, f: max(0.0, float(r2(w, f))),
        "you give": lambda w, f: torch.corrcoef(torch.stack([w.flatten(), f.flatten()]))[0, 1],
    },
    "02.grey_pattern": {
        "brightness is no pattern": lambda w: 3 * (w.mean(0) ** 2).sum() / (w**2).sum(),
        "three times": lambda w: (pattern(w) ** 2).sum() / (w**2).sum(),
        "constant colour": lambda w: w[0].numel() * ((w.mean((1, 2)) - w.mean()) ** 2).sum() / (w**2).sum(),
        "brightness included": lambda w: 3 * (pattern(w) ** 2).sum() / ((w - w.mean()) ** 2).sum(),
        "this is the energy": lambda w: 3 * (pattern(w) ** 2).sum(),
        "but you give": lambda w: 0.123,
    },
}
