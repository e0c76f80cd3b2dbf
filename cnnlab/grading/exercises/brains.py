"""Exercises of notebook 18, networks and brains."""

import torch
import torch.nn.functional as F

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.requirements import has_shape


@exercise("18.dissimilarity", has_shape("6 pictures make a table of 6 x 6, yours is {sizes}"), absolute=1e-4)
def dissimilarity():
    """1 - the correlation of every two rows (images) of N x D numbers, N x N: `answer(features)`."""
    features = torch.randn(6, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 3
    features[:, 0] += 4
    correlation, unit = torch.corrcoef(features), F.normalize(features)
    distance = torch.cdist(features, features)
    mistakes = {
        "this is how alike they are; take it from 1": correlation,
        "this compares the units with one another; a row is a picture": 1 - torch.corrcoef(features.T),
        "this is the angle without taking off the mean of each row first": 1 - unit @ unit.T,
        "this is the distance; take the correlation, which does not mind how strong the responses are": distance,
    }
    hint = (
        "take off the mean of each row, bring each row to length 1, multiply with its transpose, take from 1"
    )
    yield Case((features,), 1 - correlation, mistakes, hint)


@exercise("18.agreement", absolute=1e-4)
def agreement():
    """The rank correlation of two N x N tables over the pairs i < j, one number: `answer(first, second)`."""
    from scipy.stats import spearmanr

    features = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    features[1] += features[0]
    first, second = (1 - torch.corrcoef(rows) for rows in features)
    second = second**3  # the same order as before, no longer linear
    pairs = torch.triu_indices(7, 7, 1).unbind()
    mistakes = {
        "this is the correlation of the values; correlate their ranks": torch.corrcoef(
            torch.stack([first[pairs], second[pairs]])
        )[0, 1],
        "the diagonal and each pair twice are in it; take only the pairs i < j": spearmanr(
            first.flatten(), second.flatten()
        ).statistic,
    }
    hint = "rank the pairs above the diagonal of each table, then correlate the two lists of ranks"
    yield Case((first, second), spearmanr(first[pairs], second[pairs]).statistic, mistakes, hint)


@exercise(
    "18.fano",
    has_shape("one number for each of 3 sites is expected, {shape} came"),
    relative=0.12,  # T or T - 1; mean of ratios or ratio of means
    absolute=1e-8,
)
def fano():
    """The variance over trials divided by the mean, for each of S sites of N x S x T spike counts: `answer(counts)`."""
    generator = torch.Generator().manual_seed(4)
    means = torch.tensor([3.0, 9.0, 20.0]) * (0.3 + torch.rand(40, 3, generator=generator))
    counts = torch.poisson(means[:, :, None].expand(-1, -1, 10).contiguous(), generator=generator).double()
    mean, within, between = counts.mean((0, 2)), counts.var(2).mean(0), counts.mean(2).var(0)
    with_signal = (between + within) / mean
    mistakes = {
        "this holds what differs between pictures: that is signal; take the variance over the trials of one picture": with_signal,
        "this is the variance of the means over pictures: that is signal, not noise": between / mean,
        "this is the deviation; the variance is its square": counts.std(2).mean(0) / mean,
        "the variance is there; divide it by the mean": within,
    }
    hint = "responses.var over the trials, mean over the pictures, divided by the mean over both"
    yield Case((counts,), within / mean, mistakes, hint)
