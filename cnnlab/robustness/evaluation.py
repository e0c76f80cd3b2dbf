"""Robust accuracy: accuracy before and after an attack, over a data set, by epsilon."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import positive_int
from cnnlab.robustness._gradients import batched_logits
from cnnlab.robustness.cue_conflict import wilson_interval
from cnnlab.robustness.fgsm_pgd import pgd

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]
Batches = Iterable[tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class RobustAccuracy:
    """Result of `robust_accuracy`.

    Fields
    ------
    robust
        N booleans: the prediction is correct before and after the attack.
    correct
        N booleans: the prediction is correct without an attack.
    accuracy, interval
        Share of the images that stay correct, with its 95 % interval (Wilson).
    clean_accuracy
        Share of correct predictions without an attack.
    """

    robust: Tensor
    correct: Tensor
    accuracy: float
    interval: tuple[float, float]
    clean_accuracy: float


def robust_accuracy(
    model: nn.Module,
    data: Any,
    attack: Attack = pgd,
    *,
    batch_size: int = 64,
    progress: bool = False,
) -> RobustAccuracy:
    """Robust accuracy: the share of images that are classified correctly and stay so under attack.

        accuracy = share of images with argmax model(x) = y and argmax model(attack(x, y)) = y

    An image that is misclassified without an attack counts as lost: the attacker need not change it. So robust accuracy never
    exceeds clean accuracy. An attack that fails proves little; only a strong attack makes this a statement about the network.

    Parameters
    ----------
    model
        The network to evaluate and to attack.
    data
        A `cnnlab.world.Dataset`, or any iterable of batches (images N x 3 x H x W in [0, 1], labels N).
    attack
        A function (model, images, labels) -> images; `functools.partial(pgd, epsilon=8 / 255)` sets options.
    batch_size
        Images in one batch of a data set; given batches are used as they are.
    progress
        Show a progress bar.

    Returns
    -------
    RobustAccuracy
        The outcome for each image, and the shares with an interval.

    Raises
    ------
    ValueError
        If there are no images.

    References
    ----------
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, section 5; lost images as in Croce &
    Hein, "Reliable evaluation of adversarial robustness", ICML 2020.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    >>> found = robust_accuracy(model, [(torch.rand(8, 3, 4, 4), torch.arange(8) % 5)])
    >>> found.accuracy <= found.clean_accuracy
    True
    """
    correct, robust = [], []
    batches = list(batches_of(data, batch_size)) if progress else batches_of(data, batch_size)
    for images, labels in tqdm(batches, desc="attacking", disable=not progress):
        attacked = attack(model, images, labels)
        before, after = (
            batched_logits(model, batch).argmax(1).cpu() == labels.cpu() for batch in (images, attacked)
        )
        correct.append(before)
        robust.append(before & after)
    if not correct:
        raise ValueError("there are no pictures, so there is no accuracy.")
    stays_correct, count = torch.cat(robust), sum(len(part) for part in correct)
    return RobustAccuracy(
        robust=stays_correct,
        correct=torch.cat(correct),
        accuracy=float(stays_correct.double().mean()),
        interval=wilson_interval(int(stays_correct.sum()), count),
        clean_accuracy=float(torch.cat(correct).double().mean()),
    )


def accuracy_by_epsilon(
    model: nn.Module,
    data: Any,
    epsilons: Sequence[float] = tuple(step / 255 for step in (0, 1, 2, 4, 8, 16)),
    attack: Callable[..., Tensor] = pgd,
    *,
    batch_size: int = 64,
    progress: bool = False,
) -> Tensor:
    """Accuracy against epsilon: one robust accuracy for each strength of the attack.

    `attack` is called as `attack(model, images, targets, epsilon=...)`; all else is as in `robust_accuracy`. A stronger attacker
    could also choose the weaker one's image, so each number is at most the one before: an image that is lost stays lost.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    >>> data = [(torch.rand(8, 3, 4, 4), torch.arange(8) % 5)]
    >>> accuracy_by_epsilon(model, data, (0, 0.1)).shape
    torch.Size([2])
    """
    if list(epsilons) != sorted(epsilons) or not len(epsilons):
        raise ValueError(f"epsilons must rise, from weak to strong, but came as {list(epsilons)}.")
    batches = list(batches_of(data, batch_size))
    robust, accuracies = None, []
    for epsilon in tqdm(epsilons, desc="strengths", disable=not progress):
        result = robust_accuracy(model, batches, lambda *arguments, e=epsilon: attack(*arguments, epsilon=e))
        robust = result.robust if robust is None else robust & result.robust
        accuracies.append(robust.double().mean())
    return torch.stack(accuracies)


def batches_of(data: Any, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches (images in [0, 1], labels) of a data set with stored bytes, or the batches themselves."""
    if not hasattr(data, "images"):
        yield from data
        return
    size = positive_int(batch_size, "batch_size")
    for start in range(0, len(data), size):
        rows = slice(start, start + size)
        yield data.images[rows].float().div(255), data.labels[rows]
