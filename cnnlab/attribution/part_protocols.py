"""Protocols that compare a map's claims with true importances: FunnyBirds (2023) on parts, and BAM (2019) on objects and scenes.

Each is one formula over numbers measured elsewhere: claims by `part_claims`, falls by `true_importance`, pictures by
`cnnlab.world.render`. All scores lie in [0, 1] but for the model contrast, and 1 is best; where a number is NaN, so is the score.

    single_deletion          do the claims rank the parts as the falls do?
    important_parts          the parts that a map calls important, for the next three
    preservation_check       are they enough for the answer?
    deletion_check           is the answer gone without them?
    distractibility          does the map leave out what does not matter?
    target_sensitivity       does it move to the object that is asked about?
    background_independence  of the network, not of a map: does the background matter?
    model_contrast           is an object worth more to a network for objects than to a network for scenes?
    input_dependence         is an object in the way claimed less than the scene behind it?
    input_independence       does the map stay when something without effect is added?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from cnnlab._validation import fraction, one_of, one_or_several
from cnnlab.attribution.part_importance import rendered_logits, whole_object
from cnnlab.attribution.sanity_checks import rank_correlation
from cnnlab.world import Recipe
from cnnlab.world.parts import validated_parts

LITTLE = 0.05
"""A fall below this share of the logit counts as none, in FunnyBirds."""


def single_deletion(claims: Sequence[Tensor], falls: Sequence[Tensor]) -> Tensor:
    """Single deletion: Spearman's rank correlation of claims and falls, as N floats in [0, 1]; NaN where either is constant.

        SD = mean over n of (1 + rho(claims_n, falls_n)) / 2

    References
    ----------
    Hesse, Schaub-Meyer & Roth, ICCV 2023.

    Example
    -------
    >>> single_deletion([torch.tensor([3.0, 1.0, 2.0])], [torch.tensor([0.9, 0.1, 0.4])])
    tensor([1.], dtype=torch.float64)
    """
    scores = []
    for claim, fall in _paired(claims, falls):
        _alike(claim, fall)
        unknown = claim.isnan().any() | fall.isnan().any()
        score = (1 + rank_correlation(claim[None], fall[None])[0]) / 2
        scores.append(score.masked_fill(unknown, torch.nan))
    return torch.stack(scores) if scores else torch.zeros(0, dtype=torch.double)


def important_parts(
    claims: Tensor, parts: Sequence[str], total: float, threshold: float = 0.1
) -> tuple[str, ...]:
    """The parts that a map calls important: P = {i : claim(i) > threshold * total}, with `total` the sum of the whole map.

    FunnyBirds average their scores over thresholds from 0.01 to 0.5 and keep the best.

    Example
    -------
    >>> important_parts(torch.tensor([3.0, 0.1]), ("body", "horn"), total=4.0)
    ('body',)
    """
    if not total >= 0:
        raise ValueError(
            f"total must be the sum of a map that is nowhere negative, but got {total!r}; clip a signed map, as in map.clamp_min(0)."
        )
    if claims.isnan().any():
        raise ValueError(
            f"a part is important or not, so its claim must be known, but they came as {claims.tolist()}."
        )
    limit = fraction(threshold, "threshold") * total
    return tuple(part for part, claim in _paired(parts, claims.tolist()) if claim > limit)


def preservation_check(
    model: nn.Module,
    recipes: Sequence[Recipe],
    important: Sequence[Sequence[str]],
    *,
    size: int | None = None,
) -> Tensor:
    """Preservation check: N floats, 1 where the answer stays when only the important parts are kept.

        PC = mean over n of [f(x_n with its important parts alone) = f(x_n)]

    References
    ----------
    Hesse, Schaub-Meyer & Roth, ICCV 2023.
    """
    kept = _known(recipes, important)
    missing = [tuple(part for part in whole_object(recipe) if part not in parts) for recipe, parts in kept]
    return _same_answer(model, recipes, missing, size)


def deletion_check(
    model: nn.Module,
    recipes: Sequence[Recipe],
    important: Sequence[Sequence[str]],
    *,
    size: int | None = None,
) -> Tensor:
    """Deletion check: N floats, 1 where the answer changes when the important parts are left out.

        DC = mean over n of [f(x_n without its important parts) != f(x_n)]

    References
    ----------
    Hesse, Schaub-Meyer & Roth, ICCV 2023.
    """
    return 1 - _same_answer(model, recipes, [parts for _, parts in _known(recipes, important)], size)


def distractibility(
    important: Sequence[Sequence[str]],
    parts: Sequence[Sequence[str]],
    falls: Sequence[Tensor],
    logits: Sequence[float],
) -> Tensor:
    """Distractibility: N floats, the share of what does not matter that the map leaves out; NaN where everything matters.

        D = 1 - mean over n of |important_n and irrelevant_n| / |irrelevant_n|,  irrelevant_n = {i : fall(i) < 5 % of |logit|}

    `parts` may hold things of the background besides the parts of the object, if `falls` does. A ValueError for an important part that
    is not among them.

    References
    ----------
    Hesse, Schaub-Meyer & Roth, ICCV 2023.

    Example
    -------
    >>> distractibility([("body", "eye")], [("body", "eye", "foot")], [torch.tensor([2.0, 0.0, -0.3])], [10.0])
    tensor([0.5000])
    """
    scores = []
    for claimed, names, fall, logit in _paired(important, parts, falls, logits):
        chosen = {one_of(part, names, "important part") for part in one_or_several(claimed)}
        irrelevant = {name for name, value in _paired(names, fall.tolist()) if value < LITTLE * abs(logit)}
        known = irrelevant and not fall.isnan().any()
        scores.append(1 - len(irrelevant & chosen) / len(irrelevant) if known else torch.nan)
    return torch.tensor(scores)


def target_sensitivity(claims: Tensor) -> Tensor:
    """Target sensitivity: N x 2 floats, 1 where an object is claimed more when its own class is asked for.

        TS = mean over n, o of [claim_n(o | class of o) > claim_n(o | class of the other)]

    `claims` is N x 2 x 2: [n, asked, object], the sum of the map for the class of object `asked` on `object`, in a picture of
    two objects. FunnyBirds put parts of two classes on one bird instead.

    References
    ----------
    Hesse, Schaub-Meyer & Roth, ICCV 2023.

    Example
    -------
    >>> target_sensitivity(torch.tensor([[[5.0, 1.0], [2.0, 0.5]]]))
    tensor([[1., 0.]])
    """
    if claims.shape[1:] != (2, 2):
        raise ValueError(f"claims must be N x 2 x 2, but came as {tuple(claims.shape)}.")
    first, second = claims[:, 0], claims[:, 1]
    own, other = torch.stack([first[:, 0], second[:, 1]], 1), torch.stack([second[:, 0], first[:, 1]], 1)
    return _share(own > other, own, other)


def background_independence(falls: Tensor, logits: Tensor) -> Tensor:
    """Background independence of a network: N floats, the share of background changes that matter little.

        BI = 1 - mean over n, b of [fall_n(b) >= 5 % of |logit_n|]

    `falls` is N x B, the fall of the logit by each change b of the background (things taken away, or another scene).

    References
    ----------
    Hesse, Schaub-Meyer & Roth, ICCV 2023.

    Example
    -------
    >>> background_independence(torch.tensor([[0.1, 3.0]]), torch.tensor([10.0]))
    tensor([0.5000])
    """
    if falls.dim() != 2 or not falls.shape[1] or logits.shape != falls.shape[:1]:
        raise ValueError(
            f"falls must be N x B and logits N, but came as {tuple(falls.shape)} and {tuple(logits.shape)}."
        )
    limits = LITTLE * logits.abs()[:, None].expand_as(falls)
    return 1 - _share(falls >= limits, falls, limits).mean(1)


def model_contrast(for_objects: Tensor, for_scenes: Tensor) -> Tensor:
    """Model contrast score: the mean difference of what two networks' maps claim for the same objects. One number.

        MCS = mean over n of g(network for objects, x_n) - g(network for scenes, x_n)

    with g the mean relevance on the object, in a map scaled to [0, 1]. It should be above 0.

    References
    ----------
    Yang & Kim, "Benchmarking Attribution Methods with Relative Feature Importance", 2019, arXiv:1907.09701.

    Example
    -------
    >>> model_contrast(torch.tensor([0.75, 0.5]), torch.tensor([0.25, 0.5]))
    tensor(0.2500)
    """
    _alike(for_objects, for_scenes)
    return (for_objects - for_scenes).mean()


def input_dependence(with_object: Tensor, without_object: Tensor) -> Tensor:
    """Input dependence rate: N floats, 1 where a region is claimed less once an object stands before the scene.

        IDR = mean over n of [g(x_n with the object) < g(x_n without it)],  g on the object's region, for a network for scenes

    References
    ----------
    Yang & Kim, 2019, arXiv:1907.09701.

    Example
    -------
    >>> input_dependence(torch.tensor([0.1, 0.6]), torch.tensor([0.3, 0.3]))
    tensor([1., 0.])
    """
    _alike(with_object, without_object)
    return _share(with_object < without_object, with_object, without_object)


def input_independence(before: Tensor, after: Tensor, threshold: float = 0.1) -> Tensor:
    """Input independence rate: N floats, 1 where adding something without effect hardly changes the claim.

        IIR = mean over n of [|g(x_n + d) - g(x_n)| < threshold * |g(x_n)|],  where f(x_n + d) is about f(x_n)

    References
    ----------
    Yang & Kim, 2019, arXiv:1907.09701.

    Example
    -------
    >>> input_independence(torch.tensor([0.5, 0.5]), torch.tensor([0.52, 0.7]))
    tensor([1., 0.])
    """
    _alike(before, after)
    stays = (after - before).abs() < fraction(threshold, "threshold") * before.abs()
    return _share(stays, before, after)


def _known(
    recipes: Sequence[Recipe], important: Sequence[Sequence[str]]
) -> list[tuple[Recipe, tuple[str, ...]]]:
    """Each recipe with its important parts; an error for parts that its object does not have."""
    pairs = []
    for recipe, parts in _paired(recipes, important):
        whole_object(recipe)  # which refuses pictures without an object, or with parts missing
        pairs.append((recipe, validated_parts(recipe.shape, parts, "important")))
    return pairs


def _paired(*columns: Sequence) -> Iterator[tuple]:
    """The entries side by side; an error where there are not as many in each."""
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise ValueError(f"there must be as many entries on all sides, but there are {lengths}.")
    return zip(*columns, strict=True)


def _alike(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape:
        raise ValueError(
            f"there must be as many numbers on both sides, but they came as {tuple(first.shape)} and {tuple(second.shape)}."
        )


def _share(seen: Tensor, *measured: Tensor) -> Tensor:
    """1 where something is seen, 0 where it is not, NaN where a number that was compared is not known."""
    unknown = torch.stack([one.isnan() for one in measured]).any(0)
    return seen.float().masked_fill(unknown, torch.nan)


def _same_answer(
    model: nn.Module, recipes: Sequence[Recipe], missing: Sequence[Sequence[str]], size: int | None
) -> Tensor:
    if not recipes:
        return torch.zeros(0)
    changed = [recipe.replace(without=tuple(parts)) for recipe, parts in zip(recipes, missing, strict=True)]
    before, after = rendered_logits(model, [*recipes, *changed], size).argmax(1).chunk(2)
    return (before == after).float()
