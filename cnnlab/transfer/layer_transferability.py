"""Layer transferability (Yosinski et al., 2014): where do features turn from general to specific?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab.transfer.fine_tuning import accuracy, fine_tune
from cnnlab.transfer.heads import new_head, reinitialise_after
from cnnlab.transfer.learning_curves import Examples, t_interval

TREATMENTS = ("BnB", "BnB+", "AnB", "AnB+")
STAGES = ("pool1", "pool2", "relu3", "relu4", "relu5", "relu6", "relu7")
"""The last layers of the seven stages of `MiniAlexNet` that can be kept."""


@dataclass(frozen=True, eq=False)
class TransferabilityResult:
    """Outcome of `transferability_experiment` for L layers and R seeds.

    Attributes
    ----------
    layers
        The L layers up to which a network was kept.
    accuracy
        For each way ("BnB", "BnB+", "AnB", "AnB+"), L x R accuracies on the test pictures of B.
    base
        Accuracy of base B itself on them.
    """

    layers: tuple[str, ...]
    accuracy: Mapping[str, Tensor]
    base: float

    def interval(self, treatment: str) -> tuple[Tensor, Tensor, Tensor]:
        """L means over the seeds, and the lower and upper ends of their 95 % intervals; NaN with a single seed."""
        return t_interval(self.accuracy[treatment])


def transferability_experiment(
    base_a: nn.Module,
    base_b: nn.Module,
    train: Examples,
    test: Examples,
    *,
    layers: Sequence[str] = STAGES,
    treatments: Sequence[str] = TREATMENTS,
    seeds: Sequence[int] = (0,),
    progress: bool = False,
    **options: Any,
) -> TransferabilityResult:
    """The transferability experiment with two halves of the classes: accuracy by the layer up to which weights are copied.

    Two networks were trained on two halves of the classes, A and B. Their first n layers are kept, all others start anew and are trained
    for B:

        BnB     first n layers of B, frozen:    lower than B itself where neighbouring layers had adapted to each other
        BnB+    first n layers of B, trained on: the control
        AnB     first n layers of A, frozen:    lower than BnB where features are specific to A
        AnB+    first n layers of A, trained on: does starting from A help?

    Parameters
    ----------
    base_a, base_b
        Networks of one architecture, such as `load("half_a")` and `load("half_b")`; left as they were found.
    train, test
        Pictures of B and their labels, in the order of `base_b.class_names`. The full experiment takes those that base B was trained
        on; a quick one takes fewer, and then says less about B as a whole.
    layers
        The layers up to which is kept: the last of each stage, normalisation included.
    treatments
        Some of the four, to save time.
    seeds
        Of the new weights and the order of pictures; one training for each.
    options
        For `fine_tune`, the same in all trainings: `epochs`, `rate`, `batch_size` ...

    Returns
    -------
    Halves

    Raises
    ------
    ValueError
        If the networks differ in architecture, or a way or a layer is not known.

    References
    ----------
    Yosinski, Clune, Bengio & Lipson (2014), How transferable are features in deep neural networks?; lecture L, "How to fine-tune?". Their
    dip of BnB at middle layers need not show in networks as small as these.

    Example
    -------
    >>> from cnnlab import load, world  # doctest: +SKIP
    >>> b = load("half_b")  # doctest: +SKIP
    >>> split = world.dataset("train", n=1000, classes=b.class_names)  # doctest: +SKIP
    >>> transferability_experiment(load("half_a"), b, (split.images, split.labels), ..., epochs=2)  # doctest: +SKIP
    """
    accuracies = {treatment: torch.full((len(layers), len(seeds)), torch.nan) for treatment in treatments}
    for training in transferability_steps(
        base_a, base_b, train, test, layers, treatments, seeds, progress, options
    ):
        treatment, layer, seed, value = training
        accuracies[treatment][layer, seed] = value
    return TransferabilityResult(tuple(layers), accuracies, accuracy(base_b, *test))


def transferability_steps(
    base_a: nn.Module,
    base_b: nn.Module,
    train: Examples,
    test: Examples,
    layers: Sequence[str],
    treatments: Sequence[str],
    seeds: Sequence[int],
    progress: bool,
    options: Mapping[str, Any],
) -> Iterator[tuple[str, int, int, float]]:
    """`transferability_experiment` one training at a time: (treatment, index of the layer, index of the seed, accuracy)."""
    _check(base_a, base_b, treatments)
    jobs = [
        (i, r, treatment) for r in range(len(seeds)) for i in range(len(layers)) for treatment in treatments
    ]
    for i, r, treatment in tqdm(jobs, desc="trainings", disable=not progress or None):
        start = transfer_init(
            base_a if treatment.startswith("A") else base_b, base_b.class_names, layers[i], seed=seeds[r]
        )
        frozen = None if treatment.endswith("+") else layers[i]
        tuned = fine_tune(start, *train, freeze_up_to=frozen, seed=seeds[r], **options)
        yield treatment, i, r, accuracy(tuned.model, *test)


def transfer_init(base: nn.Module, classes: Sequence[str], layer: str | None, *, seed: int = 0) -> nn.Module:
    """A copy of `base` that keeps its layers up to `layer`; all behind it start anew, with a head for `classes`."""
    return new_head(reinitialise_after(base, layer, seed=seed), classes, seed=seed)


def _check(base_a: nn.Module, base_b: nn.Module, treatments: Sequence[str]) -> None:
    unknown = [treatment for treatment in treatments if treatment not in TREATMENTS]
    if unknown:
        raise ValueError(f"way {unknown[0]!r} is not known; choose some of {', '.join(TREATMENTS)}.")
    shapes = [[tuple(p.shape[1:]) for p in base.parameters()] for base in (base_a, base_b)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "the two networks must have one architecture, so that layers can take each other's place."
        )
