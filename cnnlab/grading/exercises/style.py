"""The exercises of notebook 10, style transfer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def gram(answer: Callable[[Tensor], Tensor]) -> str | None:
    """`answer(features)`: the Gram matrix, C x C, of a layer's answer C x H x W."""
    features = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(3))
    result = require_attempt(answer(features.clone()))
    if not isinstance(result, Tensor):
        return f"return a tensor, not {type(result).__name__}"
    rows = features.flatten(1)
    expected = rows @ rows.T
    if result.shape == (15, 15):
        return "the sum runs over positions, so that channels remain: C x C, not positions x positions"
    if result.shape != (4, 4):
        return f"four channels give a matrix of 4 x 4; yours is {tuple(result.shape)}"
    centred = rows - rows.mean(1, keepdim=True)
    mistakes = {
        "do not divide: the sum over positions itself": expected / 15,
        "nothing is subtracted: this is the covariance": centred @ centred.T,
        "these are cosines; do not divide by the lengths": expected
        / (rows.norm(dim=1)[:, None] * rows.norm(dim=1)[None]),
    }
    if torch.allclose(result.float(), expected, atol=1e-4):
        return None
    for hint, wrong in mistakes.items():
        if torch.allclose(result.float(), wrong, atol=1e-4):
            return hint
    return "the shape is right, the values are not: entry (i, j) is the sum over positions of channel i times channel j"


def total_loss(answer: Callable[[float, list[float], float, float], float]) -> str | None:
    """`answer(content, styles, alpha, beta)`: the loss of a content loss and the style losses of several layers."""
    for content, styles, alpha, beta in ((0.5, [0.2, 0.6, 0.1], 2.0, 10.0), (0.0, [1.0], 1.0, 3.0)):
        result = float(require_attempt(answer(content, list(styles), alpha, beta)))
        expected = alpha * content + beta * sum(styles)
        mistakes = {
            "alpha weighs the content, beta the style": beta * content + alpha * sum(styles),
            "sum the style losses of all layers": alpha * content + beta * styles[0],
            "the style losses are summed, not averaged": alpha * content + beta * sum(styles) / len(styles),
            "alpha and beta weigh the losses": content + sum(styles),
        }
        if abs(result - expected) < 1e-6:
            continue
        for hint, wrong in mistakes.items():
            if abs(result - wrong) < 1e-6:
                return hint
        return f"for content {content}, style {styles}, alpha {alpha:g}, beta {beta:g} the loss is another"
    return None


EXERCISES: dict[str, Exercise] = {"10.gram": gram, "10.total_loss": total_loss}
