"""Exercises of notebook 02, filters."""

import torch

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import randn
from cnnlab.grading.exercises.requirements import has_shape, is_tensor, unchanged


@exercise(
    "02.filter_picture",
    is_tensor("return a tensor, not {type}"),
    unchanged("the weights that were passed in have changed; make a new tensor of them"),
    has_shape("a filter of 3 x 5 x 5 is a picture of 3 x 5 x 5; yours is {shape}"),
)
def filter_image():
    """A filter 3 x k x k as an image in [0, 1], grey where the weight is zero: `answer(weights)`."""
    weights = randn(3, 5, 5, seed=6) * 0.1
    weights[1, 2, 3] = 0.6
    scaled = weights / weights.abs().max()
    stretched = (weights - weights.min()) / (weights.max() - weights.min())
    by_channel = 0.5 + weights / (2 * weights.abs().amax((1, 2), keepdim=True))
    mistakes = {
        "with minimum and maximum at the ends, zero is not grey: positive and negative weights cannot be told apart": stretched,
        "each colour has a scale of its own here; one scale for all three, or their balance is lost": by_channel,
        "the strongest weight leaves [0, 1]: 0.5 is all the room there is on either side": 0.5 + scaled,
        "this leaves the sign out: a weight of -w is the opposite of w, not the same": scaled.abs(),
        "scale before you clip: these weights have kept their own size": (0.5 + weights).clamp(0, 1),
    }
    hint = "a weight of zero gives 0.5, one as large as the largest gives 1 (or 0, if it is negative); print both of yours"
    yield Case((weights,), 0.5 + scaled / 2, mistakes, hint)


@exercise("02.explained", relative=0, absolute=1e-4)
def explained():
    """R2, the share of the filter's variance that a fit explains: `answer(weights, fit)`."""
    generator = torch.Generator().manual_seed(7)
    weights = torch.randn(3, 6, 6, generator=generator) + 0.8
    for noise in (0.2, 1.5):
        fit = weights + noise * torch.randn(3, 6, 6, generator=generator)
        left, total = (float((weights - value).square().sum()) for value in (fit, weights.mean()))
        around_zero, clipped = 1 - left / weights.square().sum(), max(0.0, 1 - left / total)
        mistakes = {
            "the whole is the variance: take the mean of the weights away before you square": around_zero,
            "this is the share that is left; explained is 1 minus that": left / total,
            "no share can be cut off at 0: a bad fit is worse than the mean, and R2 says so": clipped,
        }
        hint = f"for a fit that leaves {left:.2f} of {total:.2f} you give {{result:.3f}}"
        yield Case((weights, fit), 1 - left / total, mistakes, hint)


@exercise("02.grey_pattern", relative=0, absolute=1e-4)
def grey_pattern():
    """The share of a filter's sum of squares in the pattern that all colours share: `answer(weights)`."""
    generator = torch.Generator().manual_seed(8)
    tint = torch.tensor([0.9, 0.2, -0.5])[:, None, None]
    for strength in (0.5, 2.0):
        weights = torch.randn(3, 4, 4, generator=generator) + strength * tint
        mean, by_position = weights.mean(), weights.mean(0)
        energy, total = float(3 * (by_position - mean).square().sum()), float(weights.square().sum())
        of_colours = float(16 * (weights.mean((1, 2)) - mean).square().sum())
        mistakes = {
            "take the filter's mean away from the pattern: overall brightness is no pattern": float(
                3 * by_position.square().sum() / total
            ),
            "the pattern occurs in each of the three colours, so its squares count three times": energy
            / 3
            / total,
            "this is the share of the constant colour: the mean over positions": of_colours / total,
            "divide by the sum of squares of the filter itself, its brightness included": energy
            / float((weights - mean).square().sum()),
            "this is the energy; divide it by that of the whole filter": energy,
        }
        hint = f"the pattern has {energy:.2f} of the filter's {total:.2f}, but you give {{result:.3f}}"
        yield Case((weights,), energy / total, mistakes, hint)
