"""A benchmark of attribution methods: all metrics for all of them, on the same images, with two baselines.

The metrics are those of `cnnlab.attribution.localisation_metrics` (does a map lie on the object?) and of `cnnlab.attribution.deletion`
(does the network use what it shows?). They do not measure the same thing, so they are listed side by side and not added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import one_of
from cnnlab.attribution.deletion import deletion_insertion
from cnnlab.attribution.localisation_metrics import pointing_game, relevance_mass
from cnnlab.attribution.targets import Target

SCORES = ("pointing", "mass", "deletion", "insertion")
"""Rate of the pointing game, share of relevance on the object, area under the deletion and the insertion curve."""
BASELINES = ("centre", "random")
"""The two baselines: a blob at the centre of every image, and noise."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Result of `compare`.

    Attributes
    ----------
    methods
        The M names in the given order, followed by the two baselines "centre" and "random".
    values
        For each of the measured `SCORES` a tensor M x N of floats in [0, 1], NaN for an excluded image. For deletion less is
        better, for the other three more.
    """

    methods: tuple[str, ...]
    values: Mapping[str, Tensor]

    def mean(self, score: str) -> Tensor:
        """M: the mean of a score over the images, without the excluded ones."""
        return self.values[one_of(score, SCORES, "score")].nanmean(1)

    def interval(self, score: str, *, seed: int = 0) -> Tensor:
        """M x 2: the 95 % interval of each mean over the choice of images (bootstrap with the same draws for all methods)."""
        values = self.values[one_of(score, SCORES, "score")]
        generator = torch.Generator().manual_seed(seed)
        draws = torch.randint(values.shape[1], (2000, values.shape[1]), generator=generator)
        means = values[:, draws].nanmean(2)  # M x 2000
        return means.nanquantile(torch.tensor([0.025, 0.975], dtype=means.dtype), dim=1).T

    def of(self, method: str, score: str) -> float:
        """The mean of one score for one method."""
        return float(self.mean(score)[self.methods.index(one_of(method, self.methods, "method"))])

    def table(self) -> str:
        """All means with their intervals as lines of text."""
        width = max(map(len, self.methods)) + 2
        lines = ["".ljust(width) + "".join(score.ljust(20) for score in self.values)]
        columns = [(self.mean(score).tolist(), self.interval(score).tolist()) for score in self.values]
        for row, method in enumerate(self.methods):
            cells = [
                f"{means[row]:.2f} [{ranges[row][0]:.2f}, {ranges[row][1]:.2f}]" for means, ranges in columns
            ]
            lines.append(method.ljust(width) + "".join(cell.ljust(20) for cell in cells))
        return "\n".join(line.rstrip() for line in lines)


def compare(
    model: nn.Module,
    images: Tensor,
    masks: Tensor,
    maps: Mapping[str, Tensor],
    target: Target = None,
    *,
    scores: Sequence[str] = SCORES,
    steps: int = 16,
    seed: int = 0,
    progress: bool = False,
) -> Comparison:
    """Compare attribution methods: four metrics for each, on the same images, with two baselines that ignore the network.

    The baseline "centre" is a blob at the centre of the image, exp(-d^2 / 2 s^2) with s a sixth of the side: where
    photographers put their objects. "random" is uniform noise. A technique that is not better than both has shown nothing.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1].
    masks
        N x H x W bool, True on the object.
    maps
        Name to N x H x W: each technique's maps, larger is more relevant.
    target
        Class index or name, None for the predicted class; one for all images, or a list with one for each.
    scores
        Those of `SCORES` that are measured. "pointing" and "mass" need no forward pass.
    steps
        Steps of the deletion and insertion curves: each step is one forward pass for each image and curve.
    seed
        Seed of the noise, and of the order of equal pixels.
    progress
        Show a progress bar.

    Returns
    -------
    Comparison
        The scores for each method and image, with means, intervals and a table.

    Raises
    ------
    TypeError, ValueError
        If a map does not fit the images, masks are not bool, or a map has the name of a baseline.

    References
    ----------
    Zhang et al., ECCV 2016 (pointing game); Arras, Osman & Samek, Information Fusion 2022 (relevance mass); Petsiuk, Das & Saenko,
    BMVC 2018 (deletion and insertion). A check on the maps of lectures S, L, B, K and N.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 5))
    >>> images, masks = torch.rand(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.bool)
    >>> masks[:, 2:5, 2:5] = True
    >>> compare(model, images, masks, {"brightness": images.mean(1)}).methods
    ('brightness', 'centre', 'random')
    """
    clashes = set(maps) & set(BASELINES)
    if clashes:
        raise ValueError(f"call the maps otherwise: {sorted(clashes)} are the names of the baselines.")
    shape = (len(images), *images.shape[-2:])
    rows = {**maps, "centre": _blob(shape), "random": _noise(shape, seed)}
    values: dict[str, list[Tensor]] = {one_of(score, SCORES, "score"): [] for score in scores}
    for relevance in tqdm(rows.values(), desc="methods scored", disable=not progress):
        measured = {
            "pointing": pointing_game(relevance, masks).hits,
            "mass": relevance_mass(relevance, masks).share,
        }
        if {"deletion", "insertion"} & set(values):
            curves = deletion_insertion(model, images, relevance, target, steps=steps, seed=seed)
            measured |= {"deletion": curves.deletion_area, "insertion": curves.insertion_area}
        for score, per_method in values.items():
            per_method.append(measured[score])
    return Comparison(
        tuple(rows),
        {score: torch.stack([v.double() for v in per_picture]) for score, per_picture in values.items()},
    )


def _blob(shape: tuple[int, int, int]) -> Tensor:
    """N x H x W: a Gaussian at the centre, as wide as a sixth of each side."""
    offsets = [torch.arange(side).sub((side - 1) / 2).div(side / 6) for side in shape[1:]]
    blob = torch.exp(-(offsets[0][:, None].square() + offsets[1].square()) / 2)
    return blob.expand(shape)


def _noise(shape: tuple[int, int, int], seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))
