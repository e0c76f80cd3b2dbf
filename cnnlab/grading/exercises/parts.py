"""Exercises of notebook 20, the true importance of a part."""

from __future__ import annotations

from itertools import permutations

import torch

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import mask, randn
from cnnlab.grading.exercises.requirements import has_shape, is_tensor_of_shape


@exercise("20.falls", is_tensor_of_shape("one fall for each of the 4 parts; yours has the shape {shape}"))
def falls():
    """The fall of the target's logit without each of P parts: `answer(whole, without, target)`, whole C, without P x C."""
    whole, without = randn(5, seed=1), randn(4, 5, seed=2)
    expected = whole[3] - without[:, 3]
    mistakes = {
        "a fall is positive where the logit goes down: whole minus without": -expected,
        "this compares probabilities; compare the logits": whole.softmax(0)[3] - without.softmax(1)[:, 3],
        "take the target's logit, not the largest": whole.max() - without.max(1).values,
        "this is the fall of the size; keep the signs": whole[3].abs() - without[:, 3].abs(),
    }
    yield Case((whole, without, 3), expected, mistakes, "the values are not right: compute one by hand")


@exercise("20.claim", has_shape("one number, the sum over the part; yours has the shape {shape}"))
def claim():
    """The sum of a map (H x W) on a part (H x W, bool): `answer(relevance, part)`."""
    relevance, part = randn(7, 9, seed=3), mask(7, 9, rows=(2, 5), columns=(1, 6))
    on_part = relevance[part]
    mistakes = {
        "add up, do not average: a large part may claim more": on_part.mean(),
        "keep what speaks against the class, with its sign": on_part.relu().sum(),
        "keep the signs": on_part.abs().sum(),
        "this is the sum off the part": relevance[~part].sum(),
        "no share: the claim is a sum": on_part.sum() / relevance.sum(),
    }
    yield Case((relevance, part), on_part.sum(), mistakes, "the value is not right: compute it by hand")


@exercise("20.shapley", is_tensor_of_shape("one share for each part; yours has the shape {shape}"))
def shapley():
    """Shapley values of P parts from the values of all coalitions: `answer(value, parts)`, value a function of a frozenset of parts.

    The answer gets a function; its right value is the mean contribution over all orders.
    """
    parts = ("mast", "sail", "hull")
    table = dict(zip(_subsets(parts), randn(8, seed=5).tolist(), strict=True))

    def value(coalition):
        return table[frozenset(coalition)]

    orders = list(permutations(parts))
    total = torch.zeros(3)
    for order in orders:
        for number, part in enumerate(order):
            place = parts.index(part)
            total[place] += value({*order[:number], part}) - value(order[:number])
    expected = total / len(orders)
    out = torch.tensor([value(parts) - value(set(parts) - {part}) for part in parts])
    alone = torch.tensor([value({part}) - value(()) for part in parts])
    mistakes = {
        "this leaves one part out; take the mean over all orders in which they may come": out,
        "this keeps one part alone; take the mean over all orders in which they may come": alone,
        "divide by the number of orders": total,
        "a part contributes what it adds, so the sign is turned": -expected,
    }
    yield Case((value, parts), expected, mistakes, "the shares are not right: go through one order by hand")


def _subsets(parts):
    return [frozenset(p for i, p in enumerate(parts) if number >> i & 1) for number in range(2 ** len(parts))]
