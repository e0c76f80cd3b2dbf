"""Layer transferability (Yosinski et al., 2014): the layers at which features turn from general to specific."""

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
"""The last layers of the seven stages of `MiniAlexNet`, up to which weights can be copied."""


@dataclass(frozen=True, eq=False)
class TransferabilityResult:
    """Result of `transferability_experiment` for L layers and R seeds.

    Attributes
    ----------
    layers
        The L layers up to which weights were copied.
    accuracy
        For each treatment ("BnB", "BnB+", "AnB", "AnB+"), L x R accuracies on the test pictures of B.
    base
        Test accuracy of base B itself.
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

    Two networks were trained on two halves of the classes, A and B. Their first n layers are copied, all others are reinitialised, and
    the network is trained for B:

        BnB     first n layers of B, frozen:      lower than B itself where neighbouring layers are co-adapted
        BnB+    first n layers of B, fine-tuned:  the control
        AnB     first n layers of A, frozen:      lower than BnB where features are specific to A
        AnB+    first n layers of A, fine-tuned:  shows whether starting from A helps

    Parameters
    ----------
    base_a, base_b
        Networks of one architecture, such as `load("half_a")` and `load("half_b")`; they are left unchanged.
    train, test
        Pictures of B and their labels, in the order of `base_b.class_names`. The full experiment uses the training pictures of base B;
        a quick one uses fewer, and then says less about B as a whole.
    layers
        The layers up to which weights are copied: the last of each stage, normalisation included.
    treatments
        Some of the four treatments, to save time.
    seeds
        Seeds of the new weights and the order of pictures; one training for each.
    options
        For `fine_tune`, the same in all trainings: `epochs`, `learning_rate`, `batch_size` ...

    Returns
    -------
    TransferabilityResult

    Raises
    ------
    ValueError
        If the networks differ in architecture, or a treatment or a layer is not known.

    References
    ----------
    Yosinski, Clune, Bengio & Lipson (2014), How transferable are features in deep neural networks?; lecture L, "How to fine-tune?". Their
    drop of BnB at middle layers need not appear in networks as small as these.

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
    """The transferability experiment, one training at a time: (treatment, index of the layer, index of the seed, accuracy)."""
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
    """A copy of `base` that keeps its layers up to `layer`; all later ones are reinitialised, with a head for `classes`."""
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
