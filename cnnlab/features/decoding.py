"""Linear decoding of the class from a given number of units, for layers and for neurons alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab._validation import positive_int
from cnnlab.features._validation import checked_labels
from cnnlab.features.linear_probe import linear_probe

Population = Tensor | Callable[[int, int], Tensor]
"""N x S responses, of which columns are sampled; or a function of (units, seed) that returns N x units."""


@dataclass(frozen=True, eq=False)
class Decoding:
    """Result of `decode` for U numbers of units and R draws.

    Attributes
    ----------
    units
        The U numbers.
    accuracy
        U x R accuracies on test pictures.
    chance
        The accuracy of always predicting the most frequent class.
    """

    units: tuple[int, ...]
    accuracy: Tensor
    chance: float


def decode(
    population: Population,
    labels: Tensor | Sequence[int],
    *,
    units: Sequence[int] = (5, 10, 20, 40, 80),
    draws: int = 5,
    train_fraction: float = 0.6,
    kind: str = "svm",
) -> Decoding:
    """Decoding accuracy against the number of units.

    For each number and each draw, that many units are sampled, a linear classifier is trained on a share of the pictures of each class,
    and tested on the others. The same draw splits the pictures in the same way for every population, so two populations can be compared
    draw by draw.

    Parameters
    ----------
    population
        N x S responses, such as `Recordings.mean()`; or a function of (units, seed) that returns N x units, such as
        `match_recordings` with its first arguments filled in.
    labels
        N class indices.
    units, draws
        The numbers of units, and how often each is sampled.
    train_fraction
        The share of the pictures of each class used for training.
    kind
        "svm" or "logistic", as for `linear_probe`.

    Returns
    -------
    Decoding

    Raises
    ------
    ValueError
        If more units are requested than there are, or a class has fewer than two pictures.

    References
    ----------
    Cadieu, Hong, Yamins, Pinto, Ardila, Solomon, Majaj & DiCarlo (2014), linear SVM against the number of sampled sites; lecture L,
    "Human vs machine".

    Example
    -------
    >>> responses = torch.cat([torch.randn(30, 20) + 2, torch.randn(30, 20) - 2])
    >>> decode(responses, [0] * 30 + [1] * 30, units=[10], draws=2).accuracy.shape
    torch.Size([1, 2])
    """
    count = len(population) if isinstance(population, Tensor) else None
    labels = checked_labels(labels, len(torch.as_tensor(labels)) if count is None else count)
    accuracy = torch.zeros(len(units), positive_int(draws, "draws"))
    for draw in range(draws):
        train_rows, test_rows = split(labels, train_fraction, draw)
        for row, number in enumerate(units):
            selected = _sample_units(population, positive_int(number, "units"), draw)
            probe = linear_probe(
                selected[train_rows], labels[train_rows], selected[test_rows], labels[test_rows], kind=kind
            )
            accuracy[row, draw] = probe.accuracy
    return Decoding(tuple(units), accuracy, float(labels.bincount().max()) / len(labels))


def split(labels: Tensor, train_fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Random split into training and test rows, with the same share of each class."""
    if not 0 < train_fraction < 1:
        raise ValueError(f"share must lie between 0 and 1, but got {train_fraction!r}.")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    train_rows, test_rows = [], []
    for value in labels.unique():
        rows = order[labels[order] == value]
        if len(rows) < 2:
            raise ValueError(f"class {int(value)} has a single picture; two are needed, to learn and to try.")
        cut = min(len(rows) - 1, max(1, round(train_fraction * len(rows))))
        train_rows.append(rows[:cut])
        test_rows.append(rows[cut:])
    return torch.cat(train_rows), torch.cat(test_rows)


def _sample_units(population: Population, units: int, seed: int) -> Tensor:
    if not isinstance(population, Tensor):
        return population(units, seed)
    if units > population.shape[1]:
        raise ValueError(f"{units} units were asked for, but the population has {population.shape[1]}.")
    generator = torch.Generator().manual_seed(seed)
    return population[:, torch.randperm(population.shape[1], generator=generator)[:units]]
