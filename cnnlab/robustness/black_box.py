"""Attacks on a network that nobody has looked into: crafted on another one, or found by asking.

White-box attacks follow the gradient of the network itself (`attacks`). A black box gives answers only. Either the attacker has a
network of her own and hopes that what fools one fools the other, or she asks, and pays for each question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab.inputs import fraction, image_batch, positive_int
from cnnlab.networks.eval_mode import match_device_dtype
from cnnlab.robustness.asking import logits_of
from cnnlab.robustness.attacks import pgd
from cnnlab.robustness.ball import checked_radius, inside, per_picture
from cnnlab.robustness.labels import Target, target_indices


@dataclass(frozen=True, eq=False)
class TransferAttack:
    """Outcome of `transfer_attack`.

    Fields
    ------
    images
        N x 3 x H x W in [0, 1]: the pictures crafted on the surrogate.
    surrogate, victim
        N booleans: whether the pictures fool each network, having been answered right before.
    evaluated
        N booleans: the pictures that both networks answer right before the attack.
    surrogate_rate, victim_rate
        Shares of the counted pictures that fool each; NaN if none counts.
    """

    images: Tensor
    surrogate: Tensor
    victim: Tensor
    counted: Tensor
    surrogate_rate: float
    victim_rate: float


@dataclass(frozen=True, eq=False)
class QueryAttack:
    """Outcome of `query_attack`.

    Fields
    ------
    images
        N x 3 x H x W in [0, 1] (or one picture): the best ones found.
    queries
        N counts: how often the network was asked about each picture, the original not counted.
    success
        N booleans: whether the answer is turned.
    """

    images: Tensor
    queries: Tensor
    success: Tensor


def transfer_attack(
    surrogate: nn.Module,
    victim: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    attack: Callable[[nn.Module, Tensor, Tensor], Tensor] = pgd,
) -> TransferAttack:
    """Does what fools one network fool another? Crafted on the surrogate, tried on the victim, which is never asked for a gradient.

    Parameters
    ----------
    surrogate, victim
        Two networks with the same classes in the same order.
    images
        N x 3 x H x W in [0, 1], or one picture.
    target
        The right classes, one for all or one for each picture; None for what the surrogate says.
    attack
        A function (model, images, classes) -> images, used on the surrogate; `functools.partial(pgd, epsilon=8 / 255)` sets options.

    Returns
    -------
    TransferAttack
        The pictures, and whom they fool. Only pictures that both networks answer right count.

    Raises
    ------
    ValueError
        If the networks have different classes.

    References
    ----------
    Szegedy et al., "Intriguing properties of neural networks", ICLR 2014, section 4.2; Papernot, McDaniel & Goodfellow,
    "Transferability in Machine Learning", 2016. Lecture K, "White vs. Black-Box Attacks".

    Example
    -------
    >>> student, other = (nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5)) for _ in range(2))
    >>> transfer_attack(student, other, torch.rand(6, 3, 4, 4)).victim.shape
    torch.Size([6])
    """
    names = [tuple(getattr(model, "class_names", None) or ()) for model in (surrogate, victim)]
    if names[0] and names[1] and names[0] != names[1]:
        raise ValueError(
            f"both networks must have the same classes in the same order, but have {names[0]} and {names[1]}."
        )
    batch, _ = image_batch(images)
    logits = logits_of(surrogate, batch)
    classes = target_indices(target, surrogate, logits).cpu()
    crafted = attack(surrogate, batch, classes)
    before = [answers.argmax(1).cpu() == classes for answers in (logits, logits_of(victim, batch))]
    after = [logits_of(model, crafted).argmax(1).cpu() == classes for model in (surrogate, victim)]
    counted = before[0] & before[1]
    fooled = [right & ~still for right, still in zip(before, after, strict=True)]
    rates = [float(these[counted].double().mean()) for these in fooled]
    return TransferAttack(crafted, *fooled, counted, *rates)


def query_attack(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    epsilon: float = 8 / 255,
    queries: int = 500,
    share: float = 0.3,
    targeted: bool = False,
    batch_size: int = 64,
    seed: int = 0,
    progress: bool = False,
) -> QueryAttack:
    """Can the answer be turned by asking alone? Random squares within epsilon, kept where they help.

        x' = x with a square window at x +- epsilon (one sign for each colour),    kept if the margin falls

        margin = logit of the class - largest other logit        (targeted: largest other - logit of the class)

    It starts from vertical stripes of +-epsilon. The windows are large at first and shrink as the questions are used up. No
    gradient is asked for, so a defence that hides its gradient is no help.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; only its answers are used. It is left as it was found.
    images
        N x 3 x H x W in [0, 1], or one picture.
    target
        The class to get away from; None for the predicted class. With `targeted=True` the class to get to.
    epsilon
        The largest change of a pixel, in values of [0, 1].
    queries
        How many questions there may be for each picture.
    initial_fraction
        The share of the picture that the first windows take.
    targeted
        Whether `target` is where to go.
    batch_size
        Pictures in one forward pass.
    seed
        For stripes and windows.
    progress
        Show a progress bar.

    Returns
    -------
    QueryAttack
        The pictures, the queries spent on each, and whether the answer is turned.

    References
    ----------
    Andriushchenko, Croce, Flammarion & Hein, "Square Attack: a query-efficient black-box adversarial attack via random search",
    ECCV 2020, algorithms 1 and 2. Lecture K, "White vs. Black-Box Attacks".

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5))
    >>> found = query_attack(model, torch.rand(4, 3, 8, 8), epsilon=0.3, queries=50)
    >>> bool((found.queries <= 50).all())
    True
    """
    originals, single = image_batch(images)
    epsilon, share = checked_radius(epsilon, "linf"), fraction(share, "share")
    if targeted and target is None:
        raise ValueError("a targeted attack must know where to go: give `target`, a class index or name.")
    originals = match_device_dtype(model, originals.detach())
    chance = torch.Generator().manual_seed(seed)
    logits = logits_of(model, originals, batch_size)
    classes = target_indices(target, model, logits)
    best, margin = originals.clone(), _margin(logits, classes, targeted)
    spent = torch.zeros(len(originals), dtype=torch.long)
    for query in tqdm(range(positive_int(queries, "queries")), desc="asking", disable=not progress):
        left = (margin >= 0).nonzero()[:, 0]  # the answers that are not turned yet
        if not len(left):
            break
        if query == 0:
            change = epsilon * _signs((len(left), 3, 1, originals.shape[-1]), chance).to(originals)
            tried = (originals[left] + change).clamp(0, 1)
        else:
            side = _window_side(originals.shape[-2:], share, query / queries)
            tried = _with_windows(best[left], originals[left], side, epsilon, chance)
        theirs = _margin(logits_of(model, tried, batch_size), classes[left], targeted)
        better = (theirs < margin[left]) | (query == 0)
        best[left] = torch.where(per_picture(better), tried, best[left])
        margin[left] = torch.where(better, theirs, margin[left])
        spent[left.cpu()] += 1
    best = inside(best, originals, epsilon, "linf")
    found = QueryAttack(best, spent, (margin < 0).cpu())
    return QueryAttack(*(value[0] for value in vars(found).values())) if single else found


def _window_side(sides: tuple[int, int], share: float, used: float) -> int:
    """The side of the window, when this part of the queries is used: its area is halved at each of these marks."""
    marks = (0.01, 0.03, 0.08, 0.2, 0.4, 0.6, 0.8)
    area = share * sides[0] * sides[1] / 2 ** sum(used > mark for mark in marks)
    return max(1, min(round(area**0.5), *sides))


def _with_windows(
    pictures: Tensor, originals: Tensor, side: int, epsilon: float, chance: torch.Generator
) -> Tensor:
    """Each picture with one window at a place of its own set to the original plus or minus epsilon."""
    count, _, height, width = pictures.shape
    top = torch.randint(0, height - side + 1, (count, 1), generator=chance)
    left = torch.randint(0, width - side + 1, (count, 1), generator=chance)
    rows, columns = torch.arange(height), torch.arange(width)
    window = ((rows >= top) & (rows < top + side))[:, None, :, None] & (
        (columns >= left) & (columns < left + side)
    )[:, None, None, :]
    colours = epsilon * _signs((count, 3, 1, 1), chance).to(originals)
    return torch.where(window.to(originals.device), (originals + colours).clamp(0, 1), pictures)


def _signs(shape: tuple[int, ...], chance: torch.Generator) -> Tensor:
    return torch.randint(0, 2, shape, generator=chance) * 2 - 1


def _margin(logits: Tensor, classes: Tensor, targeted: bool) -> Tensor:
    """N numbers, negative once the attack has succeeded; a tie is no success."""
    own = logits.gather(1, classes[:, None])[:, 0]
    others = logits.scatter(1, classes[:, None], -torch.inf).amax(1)
    return others - own if targeted else own - others
