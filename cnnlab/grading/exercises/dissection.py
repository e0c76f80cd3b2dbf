"""Exercises of notebook 15, network dissection."""

import torch

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import rand


@exercise("15.threshold", read=float, relative=0, absolute=1e-4)
def threshold():
    """The value that a unit exceeds at this share of all positions of all images, N x H x W: `answer(maps, share)`."""
    maps, share = rand(10, 20, 20, seed=5) * torch.linspace(0.2, 3, 10)[:, None, None], 0.05

    def passed(value):
        return float((maps > value).float().mean())

    each, peaks, lowest = maps.flatten(1).quantile(1 - share, dim=1), maps.amax((1, 2)), maps.quantile(share)
    mistakes = {
        "this is passed by all but the share: the largest values are meant, so quantile 1 - share": lowest,
        "this takes a threshold for each picture; there is one for the unit, over all pictures": each.mean(),
        "this is a share of the largest value; a share of the places is meant": (1 - share) * maps.max(),
        "this looks at the maximum of each picture; all places count": peaks.quantile(1 - share),
    }

    def hint(value):
        return f"{value:.3f} is passed in {passed(value):.1%} of the places, but {share:.0%} were asked for"

    yield Case((maps, share), lambda value: abs(passed(value) - share) < 0.002, mistakes, hint)


@exercise("15.overlap", relative=0, absolute=1e-6)
def overlap():
    """The intersection over union of N x H x W booleans, summed over all images: `answer(masks, concept)`."""
    masks, concept = torch.zeros(2, 3, 8, 8, dtype=torch.bool)
    masks[0, :4, :4] = concept[0, :4, 2:6] = True
    masks[1, 5:, :2] = concept[1, 5:, :2] = concept[2, 1:7, 1:7] = True
    common, union = (masks & concept).sum((1, 2)), (masks | concept).sum((1, 2))
    shared, area, concept_area = common.sum(), masks.sum(), concept.sum()
    mean, sizes = (common / union).mean(), area + concept_area
    mistakes = {
        "this is the mean of each picture's overlap; sum both over the pictures first, then divide": mean,
        "this divides by the pixels of the mask; divide by those in either of both": shared / area,
        "this divides by the pixels of the concept; divide by those in either of both": shared / concept_area,
        "this counts the common pixels twice; that is Dice's coefficient, not IoU": 2 * shared / sizes,
        "the sum of both counts the common pixels twice: the union is mask or concept": shared / sizes,
    }
    hint = "count the pixels in both, and those in either, over all pictures; divide the first by the second"
    yield Case((masks, concept), shared / union.sum(), mistakes, hint)


@exercise("15.unique", read=int)
def unique():
    """The number of different concepts with a detector: `answer(concepts, overlaps, threshold)`, with one entry for each unit."""
    concepts = ["wheel", "sail", "wheel", "roof", "sky", "wheel", "roof"]
    overlaps, threshold = [0.31, 0.04, 0.09, 0.12, 0.02, 0.05, 0.20], 0.04
    detected = [name for name, value in zip(concepts, overlaps, strict=True) if value > threshold]
    with_equal = {name for name, value in zip(concepts, overlaps, strict=True) if value >= threshold}
    mistakes = {
        "these are the detectors; three of them find the same wheel, which counts once": len(detected),
        "this counts the concepts of all units; only detectors count": len(set(concepts)),
        "an overlap must be above the threshold; one unit lies on it": len(with_equal),
    }
    hint = "take the units above the threshold, then count the different concepts among them"
    yield Case((concepts, overlaps, threshold), len(set(detected)), mistakes, hint)
