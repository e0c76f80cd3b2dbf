"""Fooling images (Nguyen, Yosinski & Clune 2015): evolved for all ImageNet classes; and retraining with them as an extra class.

In the retraining, round 0 is mini_alexnet as it ships. In each further round, images are evolved against the network of the previous
round, and the network is trained further with all images so far under the label "nothing".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab._validation import whole_number
from cnnlab.experiments.experiment import Experiment
from cnnlab.networks.activations import resolve_layer
from cnnlab.networks.zoo import load
from cnnlab.robustness import Fooling, evolve_fooling
from cnnlab.transfer import accuracy, fine_tune, head_name, new_head
from cnnlab.world import dataset

FOOLING_CLASS = "nothing"
KEEP_EVERY = 8
"""The champions of every eighth generation are kept for training."""

OTHER = {"squeezenet": "efficientnet_lite0", "efficientnet_lite0": "squeezenet"}
"""The network that is shown the images evolved for a network."""


def measure_evolution(
    *, network: str, encoding: str, seed: int, generations: int, population: int, size: int
) -> dict[str, float]:
    """Evolution for all classes of a network at once: the confidence in the images, and what other eyes make of them.

    "median" is the median over the classes of the champions' probability, "sure" the share of classes above 0.9. Of the images of
    those, enlarged from `size` to 224 pixels: "enlarged" is the share that the network itself still classifies alike, "other" the share
    that the other ImageNet network classifies alike.
    """
    for last in evolve_fooling(
        load(network),
        encoding=encoding,
        seed=seed,
        generations=generations,
        population=population,
        size=size,
        confidence=1,
    ):
        sure = last.probabilities > 0.9
    results = {
        "median": float(last.probabilities.median()),
        "sure": float(sure.float().mean()),
        "queries": last.queries,
    }
    if sure.any():
        images = F.interpolate(last.images[sure], size=224, mode="bilinear")
        for name, judge in {"enlarged": network, "other": OTHER[network]}.items():
            results[name] = accuracy(load(judge), images, last.targets[sure])
    return results


@dataclass(frozen=True)
class RoundSizes:
    """Sizes of a round: generations and children of the evolution; number of real training pictures, and epochs."""

    generations: int
    population: int
    pictures: int
    epochs: int


def with_fooling_class(
    model: nn.Module,
    fooling: Tensor,
    images: Tensor,
    labels: Tensor,
    *,
    epochs: int = 6,
    learning_rate: float = 0.02,
    seed: int = 0,
) -> nn.Module:
    """A copy of a classifier with one class more, "nothing", trained on fooling images and on real pictures.

    Parameters
    ----------
    model
        A classifier with `class_names`; if its last class is "nothing" already, no class is added.
    fooling
        M x 3 x H x W in [0, 1]: the images with the label "nothing".
    images, labels
        N x 3 x H x W (floats or bytes) and N class indices: pictures of the other classes, which prevent forgetting.
    epochs, learning_rate, seed
        As for `cnnlab.transfer.fine_tune`.

    Returns
    -------
    nn.Module
        In eval mode, named "... with nothing"; the logits of the old classes start from the old weights.

    References
    ----------
    Nguyen, Yosinski & Clune, "Deep Neural Networks are Easily Fooled", CVPR 2015, section 3.7. Lecture L, "Adversarial examples do not
    help".
    """
    names, model_name = tuple(model.class_names), getattr(model, "name", "network")
    if names[-1] == FOOLING_CLASS:
        extended = model
    else:
        model_name = f"{model_name} with {FOOLING_CLASS}"
        extended = new_head(model, (*names, FOOLING_CLASS), seed=seed)
        old, new = (resolve_layer(network, head_name(network)) for network in (model, extended))
        with torch.no_grad():
            new.weight[:-1], new.bias[:-1] = old.weight, old.bias
    pictures = images if images.is_floating_point() else images.float() / 255
    fooling_labels = torch.full((len(fooling),), len(extended.class_names) - 1)
    training_set = torch.cat([pictures, fooling]), torch.cat([labels, fooling_labels])
    fine_tuned = fine_tune(
        extended, *training_set, epochs=epochs, learning_rate=learning_rate, seed=seed
    ).model
    fine_tuned.name = model_name
    return fine_tuned


def measure_retraining(*, rounds: int, seed: int, **sizes: int) -> dict[str, float]:
    """Confidence of the network of `rounds` rounds on images evolved against it, and its accuracy on real pictures.

    "confidence" and "sure" (the share above 0.9) are for the champions of all real classes after the last generation. "caught" is the
    share of images evolved against the network of the previous round that are classified as "nothing" now. `sizes`: see `RoundSizes`.
    """
    round_sizes = RoundSizes(**sizes)
    model, last_generation = (
        network_after_round(rounds, seed, round_sizes),
        evolve(rounds, seed, round_sizes)[-1],
    )
    test_set = dataset("validation", n=200, progress=False)
    metrics = {
        "confidence": float(last_generation.probabilities.mean()),
        "sure": float((last_generation.probabilities > 0.9).float().mean()),
        "accuracy": accuracy(model, test_set.images, test_set.labels),
        "queries": last_generation.queries,
    }
    if rounds:
        previous = evolve(rounds - 1, seed, round_sizes)[-1].images
        metrics["caught"] = accuracy(
            model, previous, torch.full((len(previous),), len(model.class_names) - 1)
        )
    return metrics


@lru_cache(maxsize=8)
def network_after_round(rounds: int, seed: int, sizes: RoundSizes) -> nn.Module:
    """The network after this number of rounds of evolution and training."""
    if not whole_number(rounds, "rounds"):
        return load("mini_alexnet")
    training = dataset("train", progress=False)
    fooling = torch.cat(
        [
            generation.images
            for round_number in range(rounds)
            for generation in evolve(round_number, seed, sizes)
        ]
    )
    real = training.images[: sizes.pictures], training.labels[: sizes.pictures]
    return with_fooling_class(
        network_after_round(rounds - 1, seed, sizes), fooling, *real, epochs=sizes.epochs, seed=seed
    )


@lru_cache(maxsize=8)
def evolve(rounds: int, seed: int, sizes: RoundSizes) -> Sequence[Fooling]:
    """Fooling images evolved against the network of a round, for its real classes: at some intermediate generations, and at the last."""
    model, last = network_after_round(rounds, seed, sizes), sizes.generations
    targets = [i for i, name in enumerate(model.class_names) if name != FOOLING_CLASS]
    options = {"generations": last, "population": sizes.population, "seed": seed + rounds, "confidence": 1}
    steps = evolve_fooling(model, targets, **options)
    return [step for step in steps if step.generation in (last, *range(last // 3, last, KEEP_EVERY))]


RETRAINING = Experiment(
    "Is a network that has learnt its fooling pictures as a class of their own harder to fool?",
    measure_retraining,
    grid={"seed": (0,), "rounds": (0, 1, 2)},
    options={"generations": 40, "population": 32, "pictures": 800, "epochs": 6},
    quick_grid={"rounds": (0, 1)},
    quick_options={"generations": 12, "population": 32, "pictures": 80, "epochs": 4},
)

EVOLUTION = Experiment(
    "How sure do fooling images, evolved for all classes at once, make the ImageNet networks?",
    measure_evolution,
    grid={"network": tuple(OTHER), "encoding": ("cppn", "direct")},
    options={"seed": 0, "generations": 100, "population": 64, "size": 128},
    quick_grid={"network": ("squeezenet",), "encoding": ("cppn",)},
    quick_options={"generations": 4, "population": 16, "size": 64},
)
