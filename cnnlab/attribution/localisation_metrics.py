"""Localisation metrics: pointing game, relevance mass and IoU of maps against exact masks, with their chance levels.

A rendered picture comes with the mask of its object, so a map can be scored against it. A score alone means
little: an object that fills half the picture is hit half the time by a random point. So the scores of
maps are reported with those of a random pixel and of the centre on the same masks. The maps themselves come
from the other modules of `cnnlab.attribution`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class PointingGame:
    """Result of `pointing_game`.

    Attributes
    ----------
    hits
        N floats in [0, 1]: 1 where the maximum lies on the mask, 0 where not, a share where several pixels
        tie; NaN for excluded pictures.
    rate
        Mean of the hits.
    interval
        95 % interval of the rate over the choice of pictures (bootstrap).
    centre_rate
        The rate of pointing at the centre of each picture.
    random_rate
        The rate of a random pixel: the mean share of the picture covered by the masks.
    excluded
        Number of excluded pictures, whose mask is empty.
    """

    hits: Tensor
    rate: float
    interval: tuple[float, float]
    centre_rate: float
    random_rate: float
    excluded: int


@dataclass(frozen=True, eq=False)
class RelevanceMass:
    """Result of `relevance_mass`.

    Attributes
    ----------
    share
        N floats in [0, 1]: the share of the positive relevance that lies on the mask; NaN for excluded
        pictures.
    area
        N floats in [0, 1]: the share of the picture covered by the mask, which is the score of a constant
        map.
    mean_share, mean_area
        Means of both over the pictures that are not excluded.
    excluded
        Number of excluded pictures: the mask is empty, or no relevance is positive.
    """

    share: Tensor
    area: Tensor
    mean_share: float
    mean_area: float
    excluded: int


def pointing_game(relevance: Tensor, masks: Tensor, *, seed: int = 0) -> PointingGame:
    """Pointing game: how often the strongest point of a map lies on the object.

        hit_n = |argmax(relevance_n) on mask_n| / |argmax(relevance_n)|,    rate = mean of hit_n over pictures
        with a mask

    with argmax the *set* of pixels where the map is largest. Usually that is one pixel. Occlusion maps are
    constant over blocks of pixels, so that several tie; each then counts by its share, the expected score of
    choosing one of them at random. The first one would favour the top left corner, and their centre
    of mass can lie between two blobs where the map is low. A constant map scores exactly
    `random_rate`.

    Parameters
    ----------
    relevance
        Maps N x H x W, larger is more relevant (for occlusion `OcclusionMap.to_pixels()`), or a single map
        H x W. NaN means not measured and is never the maximum.
    masks
        Bool, of the same shape: True on the object (`picture.mask()`).
    seed
        Seed of the interval alone; hits and rates are deterministic.

    Returns
    -------
    PointingGame
        hits (N), rate with its interval, and the rates of the centre and of a random pixel.

    Raises
    ------
    TypeError, ValueError
        If masks are not bool, shapes differ, a map is all NaN, or all masks are empty.

    References
    ----------
    Zhang, Lin, Brandt, Shen & Sclaroff, "Top-down Neural Attention by Excitation Backprop", ECCV 2016,
    section 4.1. They tolerate 15 pixels around boxes; masks that are exact need no tolerance.

    Example
    -------
    >>> relevance, masks = torch.zeros(3, 3), torch.zeros(3, 3, dtype=torch.bool)
    >>> relevance[0, 2], masks[0, 1:] = 5.0, True
    >>> pointing_game(relevance, masks).rate
    1.0
    """
    relevance, masks, area = _validated(relevance, masks)
    counted = area > 0
    flat = relevance.flatten(1).nan_to_num(nan=-torch.inf)  # N x HW
    top = (flat == flat.max(1, keepdim=True).values) & ~relevance.flatten(1).isnan()
    hits = _fraction_on(top.double(), masks).where(counted, torch.nan)
    centre = _fraction_on(_centre_weights(masks.shape[1:]).expand(len(masks), -1), masks)
    generator = torch.Generator().manual_seed(seed)
    resampled = hits[counted][
        torch.randint(int(counted.sum()), (2000, int(counted.sum())), generator=generator)
    ]
    low, high = resampled.mean(1).quantile(torch.tensor([0.025, 0.975], dtype=torch.double)).tolist()
    return PointingGame(
        hits=hits,
        rate=float(hits[counted].mean()),
        interval=(low, high),
        centre_rate=float(centre[counted].mean()),
        random_rate=float(area[counted].mean()),
        excluded=int((~counted).sum()),
    )


def relevance_mass(relevance: Tensor, masks: Tensor) -> RelevanceMass:
    """Relevance mass: the share of the positive relevance that lies on the object.

        share_n = sum of max(relevance_n, 0) on mask_n / sum of max(relevance_n, 0) everywhere

    While the pointing game uses only the strongest point, this uses the whole map. Compare `share`
    with `area`: a map without information has its mass spread evenly.

    Parameters
    ----------
    relevance
        Maps N x H x W, or one H x W; negative values and NaN (not measured) count as no relevance.
    masks
        Bool, of the same shape: True on the object.

    Returns
    -------
    RelevanceMass
        share (N), area (N), their means, and the number of excluded pictures.

    Raises
    ------
    TypeError, ValueError
        If masks are not bool, shapes differ, a map is all NaN, all masks are empty, or no map is positive
        anywhere.

    References
    ----------
    Arras, Osman & Samek, "CLEVR-XAI: A benchmark dataset for the ground truth evaluation of neural network
    explanations", Information Fusion 2022 (relevance mass accuracy).

    Example
    -------
    >>> masks = torch.tensor([[True, True], [False, False]])
    >>> relevance_mass(torch.tensor([[3.0, -1.0], [1.0, 0.0]]), masks).mean_share
    0.75
    """
    relevance, masks, area = _validated(relevance, masks)
    positive = relevance.nan_to_num(nan=0.0).clamp_min(0).flatten(1)
    share = _fraction_on(positive, masks)
    counted = (area > 0) & ~share.isnan()
    if not counted.any():
        raise ValueError("no map has positive relevance anywhere, so there is no mass to share out.")
    return RelevanceMass(
        share=share.where(counted, torch.nan),
        area=area,
        mean_share=float(share[counted].mean()),
        mean_area=float(area[counted].mean()),
        excluded=int((~counted).sum()),
    )


def intersection_over_union(prediction: Tensor, truth: Tensor) -> Tensor:
    """Intersection over union (IoU) of segments and true masks.

        IoU_n = |predicted_n and true_n| / |predicted_n or true_n|

    Parameters
    ----------
    prediction, truth
        Bool, N x H x W or H x W: the segment (from `grabcut`, or a map above a threshold) and the object's mask.

    Returns
    -------
    Tensor
        N floats in [0, 1], or one number for H x W; 1 for equal masks, 0 for masks that do not touch, NaN where both are empty.

    Raises
    ------
    TypeError, ValueError
        If a mask is not bool, or the shapes differ.

    References
    ----------
    Jaccard, "The Distribution of the Flora in the Alpine Zone", New Phytologist 1912. For lecture S, "Saliency Maps: Segmentation
    without supervision"; lecture L compares units and concepts by it.

    Example
    -------
    >>> intersection_over_union(torch.tensor([[True, True]]), torch.tensor([[True, False]]))
    tensor(0.5000)
    """
    if prediction.dtype != torch.bool or truth.dtype != torch.bool:
        raise TypeError(f"both masks must be bool, but came as {prediction.dtype} and {truth.dtype}.")
    if prediction.shape != truth.shape or prediction.dim() not in (2, 3):
        raise ValueError(
            "both masks must have the same axes, N x H x W or H x W, but came as"
            f" {tuple(prediction.shape)} and {tuple(truth.shape)}."
        )
    prediction, truth = prediction.cpu(), truth.cpu()
    return (prediction & truth).sum((-2, -1)) / (prediction | truth).sum((-2, -1))


def _fraction_on(weights: Tensor, masks: Tensor) -> Tensor:
    """N: for each map of weights (N x HW), the share of their sum that lies on the mask; NaN where they sum to 0."""
    return (weights * masks.flatten(1)).sum(1) / weights.sum(1)


def _centre_weights(sides: tuple[int, int]) -> Tensor:
    """HW: 1 on the central pixel, or on the two or four that share the centre where a side is even."""
    height, width = (torch.arange(side) for side in sides)
    rows = ((2 * height - (sides[0] - 1)).abs() <= 1).double()
    columns = ((2 * width - (sides[1] - 1)).abs() <= 1).double()
    return torch.outer(rows, columns).flatten()


def _validated(relevance: Tensor, masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Relevance N x H x W in float64, masks N x H x W and their share of the picture (N), on the CPU."""
    if not (isinstance(relevance, Tensor) and isinstance(masks, Tensor)):
        raise TypeError(
            f"relevance and masks must be tensors, not {type(relevance).__name__}, {type(masks).__name__}."
        )
    if masks.dtype != torch.bool:
        raise TypeError(
            f"masks must be bool, but came as {masks.dtype}; use picture.mask(), or maps == index."
        )
    if relevance.shape != masks.shape or relevance.dim() not in (2, 3) or 0 in relevance.shape:
        raise ValueError(
            "relevance and masks must have the same axes, N x H x W or H x W, but came as"
            f" {tuple(relevance.shape)} and {tuple(masks.shape)}."
        )
    relevance = relevance.detach().cpu().double().reshape(-1, *relevance.shape[-2:])
    masks = masks.cpu().reshape(relevance.shape)
    if relevance.isnan().flatten(1).all(1).any():
        raise ValueError("a map has no number in it at all; was it computed?")
    area = masks.double().mean((1, 2))
    if not area.any():
        raise ValueError("all masks are empty, so there is nothing to point at.")
    return relevance, masks, area
