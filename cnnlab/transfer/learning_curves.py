"""Learning curves of transfer: accuracy against the number of examples and of frozen layers, compared with training from scratch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import one_of, positive_int
from cnnlab.networks.activations import layer_names
from cnnlab.transfer.fine_tuning import accuracy, fine_tune
from cnnlab.transfer.heads import head_name, new_head, reinitialise_after

Examples = tuple[Tensor, Tensor]
"""Pictures N x 3 x H x W (floats in [0, 1] or bytes) and their N class indices."""


@dataclass(frozen=True, eq=False)
class ExamplesCurve:
    """Result of `accuracy_by_examples` for S numbers of examples and R seeds.

    Attributes
    ----------
    per_class
        The S numbers of examples per class.
    accuracy
        For each condition ("frozen", "tuned", "scratch"), S x R accuracies on the test pictures.
    """

    per_class: tuple[int, ...]
    accuracy: Mapping[str, Tensor]

    def interval(self, condition: str) -> tuple[Tensor, Tensor, Tensor]:
        """S means over the seeds, and the lower and upper ends of their 95 % intervals; NaN with a single seed."""
        return t_interval(self.accuracy[condition])


def accuracy_by_examples(
    model: nn.Module,
    train: Examples,
    test: Examples,
    classes: Sequence[str],
    *,
    per_class: Sequence[int] = (1, 2, 5, 10, 20, 50),
    seeds: Sequence[int] = (0, 1, 2),
    steps: int = 150,
    learning_rate: float = 0.02,
    scratch_learning_rate: float = 0.05,
    batch_size: int = 32,
    progress: bool = False,
) -> ExamplesCurve:
    """Accuracy by examples per class: fine-tuned, with a frozen trunk, and from scratch.

    For each number of examples per class and each seed a subset of the training pictures is sampled, the same for three conditions:
    "frozen", a new head on a frozen network; "tuned", a new head, and all layers fine-tuned; "scratch", the same architecture
    with random weights. All take the same number of steps, so that fewer examples mean more epochs, not a shorter training.

    Parameters
    ----------
    model
        A trained classifier; it is left unchanged.
    train, test
        Pictures and labels of the new task.
    classes
        Its classes, in the order of the labels.
    per_class
        Numbers of examples per class; the training pictures must contain as many of each class.
    seeds
        One sample and one training for each.
    steps, learning_rate, scratch_learning_rate, batch_size
        Of the training; a network from scratch needs a higher rate.

    Returns
    -------
    ExamplesCurve

    References
    ----------
    Lecture N, "Transfer learning" (limited data); lecture S, "Transfer Learning"; curriculum row 17.
    """
    images, labels = train
    accuracies = {
        condition: torch.zeros(len(per_class), len(seeds)) for condition in ("frozen", "tuned", "scratch")
    }
    jobs = [
        (s, r, condition)
        for s in range(len(per_class))
        for r in range(len(seeds))
        for condition in accuracies
    ]
    for s, r, condition in tqdm(jobs, desc="trainings", disable=not progress or None):
        seed = seeds[r]
        rows = sample_per_class(labels, len(classes), per_class[s], seed)
        start = new_head(
            reinitialise_after(model, None, seed=seed) if condition == "scratch" else model,
            classes,
            seed=seed,
        )
        fine_tuned = fine_tune(
            start,
            images[rows],
            labels[rows],
            freeze_up_to=layer_before_head(start) if condition == "frozen" else None,
            learning_rate=scratch_learning_rate if condition == "scratch" else learning_rate,
            epochs=epochs_for_steps(steps, len(rows), batch_size),
            batch_size=batch_size,
            seed=seed,
        )
        accuracies[condition][s, r] = accuracy(fine_tuned.model, *test)
    return ExamplesCurve(tuple(per_class), accuracies)


def accuracy_by_depth(
    model: nn.Module,
    train: Examples,
    test: Examples,
    classes: Sequence[str],
    *,
    layers: Sequence[str | None],
    seeds: Sequence[int] = (0, 1, 2),
    progress: bool = False,
    **options: Any,
) -> Tensor:
    """Accuracy by frozen layers: L x R accuracies, for each of `layers` (None: nothing frozen) and each seed.

    The network gets a new head, the layers up to the named one are frozen, the others are trained; `options` are those of
    `fine_tune`. With few pictures many frozen layers are best, with many, few (Yosinski, Clune, Bengio & Lipson, 2014; lecture L).
    """
    accuracies = torch.zeros(len(layers), len(seeds))
    jobs = [(i, r) for i in range(len(layers)) for r in range(len(seeds))]
    for i, r in tqdm(jobs, desc="trainings", disable=not progress or None):
        start = new_head(model, classes, seed=seeds[r])
        fine_tuned = fine_tune(start, *train, freeze_up_to=layers[i], seed=seeds[r], **options)
        accuracies[i, r] = accuracy(fine_tuned.model, *test)
    return accuracies


def layer_before_head(model: nn.Module) -> str:
    """The name of the layer that runs just before the head."""
    names = layer_names(model)
    return names[names.index(head_name(model)) - 1]


def sample_per_class(labels: Tensor, classes: int, per_class: int, seed: int) -> Tensor:
    """Rows of `per_class` examples of each class. With the same seed, larger samples contain the smaller, so a curve adds examples."""
    positive_int(per_class, "per_class")
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=generator)
    shuffled = labels.cpu()[order]
    rows = [order[shuffled == c][:per_class] for c in range(classes)]
    too_few = [c for c, members in enumerate(rows) if len(members) < per_class]
    if too_few:
        raise ValueError(
            f"class {too_few[0]} has {len(rows[too_few[0]])} training pictures, fewer than the {per_class} asked for."
        )
    return torch.cat(rows)


def epochs_for_steps(steps: int, pictures: int, batch_size: int) -> int:
    """The number of epochs over `pictures` in about `steps` steps."""
    return max(1, round(positive_int(steps, "steps") / math.ceil(pictures / batch_size)))


def t_interval(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Means over the last axis with the ends of their 95 % intervals, by Student's t; NaN ends for a single value."""
    from scipy.stats import t

    count = values.shape[-1]
    mean = values.mean(-1)
    if count < 2:
        return mean, torch.full_like(mean, math.nan), torch.full_like(mean, math.nan)
    half = values.std(-1) / count**0.5 * float(t.ppf(0.975, count - 1))
    return mean, mean - half, mean + half


def verdicts(accuracy: Mapping[str, Tensor], condition: str) -> list[tuple[str, float]]:
    """Whether a condition "wins", "ties" or "loses" against its strongest rival, and by how much, at each of P positions.

    The strongest rival is the one with the highest mean there. The differences are paired by seed; it is a tie if their 95 % interval
    (`t_interval`) contains 0. With few seeds the interval is wide, so small differences are ties.

    Parameters
    ----------
    accuracy
        For each condition, P x R accuracies: P numbers of examples, the same R seeds.
    condition
        The one that is judged; all others are rivals.

    Raises
    ------
    ValueError
        If the condition is missing, has no rival, or there are fewer than two seeds.

    Example
    -------
    >>> verdicts({"transfer": torch.tensor([[0.8, 0.9]]), "pixels": torch.tensor([[0.1, 0.2]])}, "transfer")[0][0]
    'wins'
    """
    own = accuracy[one_of(condition, accuracy, "condition")].double()
    others = [values.double() for name, values in accuracy.items() if name != condition]
    if not others or own.shape[1] < 2:
        raise ValueError("a verdict needs at least one rival and two seeds.")
    rivals = torch.stack(others)
    strongest = rivals.mean(2).argmax(0)
    difference = own - rivals[strongest, torch.arange(len(own))]
    kinds = []
    for mean, low, high in zip(*(part.tolist() for part in t_interval(difference)), strict=True):
        kinds.append(("wins" if low > 0 else "loses" if high < 0 else "ties", mean))
    return kinds
