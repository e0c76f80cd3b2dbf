"""Black-box attacks: adversarial examples crafted on another network (transfer) or found with queries alone (Square Attack).

White-box attacks follow the gradient of the network itself (`fgsm_pgd`). A black box returns only outputs. The attacker either
crafts images on a network of her own, in the hope that they transfer, or queries the black box, at a cost for each query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import fraction, image_batch, positive_int
from cnnlab.networks.forward import as_pixels
from cnnlab.robustness._gradients import batched_logits
from cnnlab.robustness.fgsm_pgd import pgd
from cnnlab.robustness.norm_ball import check_inside, per_image, validate_epsilon
from cnnlab.robustness.targets import Target, check_targeted, target_indices


@dataclass(frozen=True, eq=False)
class TransferAttack:
    """Result of `transfer_attack`.

    Fields
    ------
    images
        N x 3 x H x W in [0, 1]: the images crafted on the surrogate.
    surrogate, victim
        N booleans: whether each network, correct before the attack, misclassifies the adversarial image.
    evaluated
        N booleans: the images that both networks classify correctly before the attack.
    surrogate_rate, victim_rate
        Shares of the evaluated images that fool each network; NaN if none is evaluated.
    """

    images: Tensor
    surrogate: Tensor
    victim: Tensor
    evaluated: Tensor
    surrogate_rate: float
    victim_rate: float


@dataclass(frozen=True, eq=False)
class QueryAttack:
    """Result of `query_attack`.

    Fields
    ------
    images
        N x 3 x H x W in [0, 1] (or one image): the best ones found.
    queries
        N counts: the number of queries for each image, not counting the original.
    success
        N booleans: whether the attack succeeded.
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
    """Transfer attack: adversarial images crafted on a surrogate, tested on a victim whose gradient is never used.

    Parameters
    ----------
    surrogate, victim
        Two networks with the same classes in the same order.
    images
        N x 3 x H x W in [0, 1], or one image.
    target
        The true classes, one for all or one for each image; None for the surrogate's predictions.
    attack
        A function (model, images, classes) -> images, used on the surrogate; `functools.partial(pgd, epsilon=8 / 255)` sets options.

    Returns
    -------
    TransferAttack
        The images, and which networks they fool. Only images that both networks classify correctly are evaluated.

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
    >>> surrogate, victim = (nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5)) for _ in range(2))
    >>> transfer_attack(surrogate, victim, torch.rand(6, 3, 4, 4)).victim.shape
    torch.Size([6])
    """
    names = [tuple(getattr(model, "class_names", None) or ()) for model in (surrogate, victim)]
    if names[0] and names[1] and names[0] != names[1]:
        raise ValueError(
            f"both networks must have the same classes in the same order, but have {names[0]} and {names[1]}."
        )
    batch, _ = image_batch(images)
    logits = batched_logits(surrogate, batch)
    classes = target_indices(target, surrogate, logits).cpu()
    adversarial = attack(surrogate, batch, classes)
    before = [
        logits_before.argmax(1).cpu() == classes for logits_before in (logits, batched_logits(victim, batch))
    ]
    after = [batched_logits(model, adversarial).argmax(1).cpu() == classes for model in (surrogate, victim)]
    counted = before[0] & before[1]
    fooled = [correct & ~correct_after for correct, correct_after in zip(before, after, strict=True)]
    rates = [float(successes[counted].double().mean()) for successes in fooled]
    return TransferAttack(adversarial, *fooled, counted, *rates)


def query_attack(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    epsilon: float = 8 / 255,
    queries: int = 500,
    initial_fraction: float = 0.3,
    targeted: bool = False,
    batch_size: int = 64,
    seed: int = 0,
    progress: bool = False,
) -> QueryAttack:
    """Square Attack, a query-based black-box attack: random squares within epsilon, kept where they lower the margin.

        x' = x with a square window at x +- epsilon (one sign for each colour),    kept if the margin falls

        margin = logit of the class - largest other logit        (targeted: largest other - logit of the class)

    It starts from vertical stripes of +-epsilon. The windows are large at first and shrink as the queries are used up. The
    gradient is not used, so a defence that hides its gradient does not help.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; only its outputs are used. It is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image.
    target
        The class to move away from; None for the predicted class. With `targeted=True` the class to reach.
    epsilon
        The largest change of a pixel, in values of [0, 1].
    queries
        Largest number of queries for each image.
    initial_fraction
        The share of the image area that the first windows cover.
    targeted
        Whether `target` is the class to reach.
    batch_size
        Images in one forward pass.
    seed
        Seed of stripes and windows.
    progress
        Show a progress bar.

    Returns
    -------
    QueryAttack
        The images, the queries used for each, and whether the attack succeeded.

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
    epsilon, initial_fraction = (
        validate_epsilon(epsilon, "linf"),
        fraction(initial_fraction, "initial_fraction"),
    )
    check_targeted(target, targeted)
    originals = as_pixels(model, originals)
    generator = torch.Generator().manual_seed(seed)
    logits = batched_logits(model, originals, batch_size)
    classes = target_indices(target, model, logits)
    best, margin = originals.clone(), _margin(logits, classes, targeted)
    query_counts = torch.zeros(len(originals), dtype=torch.long)
    for query in tqdm(range(positive_int(queries, "queries")), desc="queries", disable=not progress):
        active = (margin >= 0).nonzero()[:, 0]  # the images for which the attack has not succeeded yet
        if not len(active):
            break
        if query == 0:
            change = epsilon * _random_signs((len(active), 3, 1, originals.shape[-1]), generator).to(
                originals
            )
            proposals = (originals[active] + change).clamp(0, 1)
        else:
            side = _window_side(originals.shape[-2:], initial_fraction, query / queries)
            proposals = _add_squares(best[active], originals[active], side, epsilon, generator)
        new_margin = _margin(batched_logits(model, proposals, batch_size), classes[active], targeted)
        better = (new_margin < margin[active]) | (query == 0)
        best[active] = torch.where(per_image(better), proposals, best[active])
        margin[active] = torch.where(better, new_margin, margin[active])
        query_counts[active.cpu()] += 1
    best = check_inside(best, originals, epsilon, "linf")
    result = QueryAttack(best, query_counts, (margin < 0).cpu())
    return QueryAttack(*(value[0] for value in vars(result).values())) if single else result


def _window_side(sides: tuple[int, int], initial_fraction: float, progress: float) -> int:
    """The side of the window once this share of the queries is used: its area is halved at each of these steps."""
    halving_points = (0.01, 0.03, 0.08, 0.2, 0.4, 0.6, 0.8)
    area = initial_fraction * sides[0] * sides[1] / 2 ** sum(progress > point for point in halving_points)
    return max(1, min(round(area**0.5), *sides))


def _add_squares(
    pictures: Tensor, originals: Tensor, side: int, epsilon: float, generator: torch.Generator
) -> Tensor:
    """Each image with one window, at a random position, set to the original plus or minus epsilon."""
    count, _, height, width = pictures.shape
    top = torch.randint(0, height - side + 1, (count, 1), generator=generator)
    left = torch.randint(0, width - side + 1, (count, 1), generator=generator)
    rows, columns = torch.arange(height), torch.arange(width)
    window = ((rows >= top) & (rows < top + side))[:, None, :, None] & (
        (columns >= left) & (columns < left + side)
    )[:, None, None, :]
    colours = epsilon * _random_signs((count, 3, 1, 1), generator).to(originals)
    return torch.where(window.to(originals.device), (originals + colours).clamp(0, 1), pictures)


def _random_signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(0, 2, shape, generator=generator) * 2 - 1


def _margin(logits: Tensor, classes: Tensor, targeted: bool) -> Tensor:
    """N margins, negative once the attack has succeeded; a tie is not a success."""
    target_logit = logits.gather(1, classes[:, None])[:, 0]
    best_other = logits.scatter(1, classes[:, None], -torch.inf).amax(1)
    return best_other - target_logit if targeted else target_logit - best_other
