"""Exercises of notebook 16, retrieval."""

import torch
import torch.nn.functional as F

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import rand
from cnnlab.grading.exercises.requirements import has_shape


@exercise("16.pooled", has_shape("a code has one number for each channel, 4 x 5 here; you give {sizes}"))
def pooled():
    """Maps N x C x h x w summed over their positions and scaled to length 1, N x C: `answer(maps)`."""
    maps = rand(4, 5, 3, 6, seed=6) * torch.arange(1.0, 6)[:, None, None]
    summed, largest = maps.sum((2, 3)), maps.amax((2, 3))
    by_channel, by_sum, by_all = F.normalize(summed, dim=0), F.normalize(summed, p=1), summed / summed.norm()
    mistakes = {
        "the sum is right; now divide each code by its own length": summed,
        "divide each code by its own length: this divides by the length of all codes together": by_all,
        "this divides each channel by its length over the pictures; divide each picture's code by its own": by_channel,
        "this takes the largest place of each map; sum over all places": F.normalize(largest),
        "this divides by the sum of the code; its length is the root of the sum of squares": by_sum,
    }
    hint = "sum over the last two axes, then divide each row by the root of its sum of squares"
    yield Case((maps,), F.normalize(summed), mistakes, hint)


@exercise("16.precision", relative=0, absolute=1e-6)
def precision():
    """Average precision of a ranking, given whether the item at each rank is relevant: `answer(relevant)`."""
    for ranking in ("+-+--", "--++-", "++-"):
        relevant = [item == "+" for item in ranking]
        ranks, count = range(1, len(relevant) + 1), sum(relevant)
        at_ranks = [sum(relevant[:rank]) / rank for rank in ranks]
        at_hits = sum(value for value, hit in zip(at_ranks, relevant, strict=True) if hit)
        mean = sum(at_ranks) / len(ranks)
        single = sum(1 / rank for rank, hit in zip(ranks, relevant, strict=True) if hit)
        mistakes = {
            "this averages the precision at all ranks; only ranks with a relevant item count": mean,
            "divide by the number of relevant items, not by the length of the ranking": at_hits / len(ranks),
            "this is the share of relevant items; it does not ask where they stand": count / len(ranks),
            "at each hit count all relevant items so far, not one": single / count,
        }
        hint = f"for {relevant} you give {{result:.3f}}; at each hit write down hits so far / rank"
        yield Case((relevant,), at_hits / count, mistakes, hint)


@exercise("16.whiten", has_shape("6 codes in 3 axes are 6 x 3 numbers; you give {sizes}"))
def whiten():
    """N x D features in d whitened axes (d x D), N x d: `answer(codes, mean, axes, deviation)`."""
    generator = torch.Generator().manual_seed(7)
    codes, mean = torch.randn(6, 4, generator=generator) + 2, torch.randn(4, generator=generator)
    axes = torch.linalg.qr(torch.randn(4, 4, generator=generator))[0][:3]
    deviation = torch.tensor([3.0, 1.5, 0.5])
    projected, self_centred = (codes - mean) @ axes.T, (codes - codes.mean(0)) @ axes.T
    mistakes = {
        "projected, but not whitened: divide each column by its deviation": projected,
        "this multiplies by the deviation, so the strong axes become stronger; divide": projected * deviation,
        "the deviation is a root already; divide by it, not by its square": projected / deviation**2,
        "take the mean off before you project": codes @ axes.T / deviation,
        "use the mean that is given: it is that of the other split": self_centred / deviation,
    }
    hint = "subtract the mean, multiply by the transposed axes, divide each column by its deviation"
    yield Case((codes, mean, axes, deviation), projected / deviation, mistakes, hint)
