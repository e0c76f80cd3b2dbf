"""Exercises of notebook 03, activations and patches."""

import torch

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import randn, row_numbers


@exercise("03.strongest", read=row_numbers)
def strongest():
    """The k images with the largest activation of the unit at any position, strongest first: `answer(maps, unit, k)`."""
    maps, unit, k = randn(12, 4, 5, 6, seed=2), 1, 4
    maps[3, unit], maps[7, unit] = -9.0, 1.1  # a map with small activations everywhere,
    maps[3, unit, 2, 2] = 8.0  # and one with a large activation at a single position
    peaks = maps[:, unit].amax((1, 2))
    expected = peaks.argsort(descending=True)[:k]
    by_mean = maps[:, unit].mean((1, 2)).argsort(descending=True)[:k]
    other_unit = maps[unit].amax((1, 2)).argsort(descending=True)[:k]
    mistakes = {
        "that is the mean over all places; one strong place is enough to make a unit fire": by_mean,
        "the weakest come first; sort descending": peaks.argsort()[:k],
        "these are the pictures of another unit: units are the second axis": other_unit,
        "the right pictures, but the strongest must come first": expected.sort().values,
    }

    def hint(rows):
        if len(rows) != k:
            return f"{k} pictures were asked for, you give {len(rows)}"
        return (
            "take the largest value over all places of maps[:, unit], then the k pictures where it is largest"
        )

    yield Case((maps, unit, k), expected, mistakes, hint)


@exercise("03.agreement", relative=0, absolute=1e-6)
def agreement():
    """The share of the pairs of two different patches that have the same label: `answer(labels)`."""
    for labels in (["leg"] * 4, ["leg", "leg", "tail"], ["a", "b", "c", "d"], ["a", "a", "b", "b", "b"]):
        k, counts = len(labels), [labels.count(label) for label in set(labels)]
        same, pairs = sum(n * (n - 1) // 2 for n in counts), k * (k - 1) // 2
        mistakes = {
            "a patch is no pair with itself: leave out the pairs (i, i)": sum(n**2 for n in counts) / k**2,
            "this is the share of the commonest label; count pairs": max(counts) / k,
            "this counts the pairs; divide by how many pairs there are": same,
        }
        hint = f"for {labels} you give {{result:.3f}}; write down its {pairs} pairs"
        yield Case((labels,), same / pairs, mistakes, hint)


@exercise("03.separation", relative=0, absolute=1e-6)
def separation():
    """The share of pairs in which the first picture activates the unit more, ties counting half: `answer(first, second)`.

    This is the area under the ROC curve.
    """
    for first, second in (([3.0, 1.0, 1.0, 0.0], [2.5, 0.0, 0.0]), ([5.0, 4.0], [1.0, 2.0, 3.0])):
        a, b = torch.tensor(first), torch.tensor(second)
        above = float((a[:, None] > b).float().mean())
        at_least = float((a[:, None] >= b).float().mean())
        share = (above + at_least) / 2
        mistakes = {
            "two silent pictures are a tie: count such pairs half": (above, at_least),
            "the other way round: the first ones are to win": 1 - share,
            "this is the difference of the means; count pairs": float(a.mean() - b.mean()),
            "this counts the pairs; divide by how many pairs there are": share * len(a) * len(b),
        }
        hint = f"for {first} and {second} you give {{result:.3f}}; write down the {len(a) * len(b)} pairs"
        yield Case((a, b), share, {} if share == 1 else mistakes, hint)
