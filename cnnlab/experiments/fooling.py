"""Does it help to show a network its fooling pictures? It gets them as a class of their own, and is then fooled again, round after round.

Round 0 is mini_alexnet as it ships. For each further round evolution breeds pictures against the network of the round before, and the
network trains on with everything bred so far under the label "nothing".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from cnnlab.experiments.experiment import Experiment
from cnnlab.inputs import whole_number
from cnnlab.networks.layers import resolve_layer
from cnnlab.networks.zoo import load
from cnnlab.robustness import Fooling, evolve_fooling
from cnnlab.transfer import accuracy, fine_tune, head_name, new_head
from cnnlab.world import dataset

NOTHING = "nothing"
EVERY = 8
"""Of so many generations the champions of one are kept to train on."""


@dataclass(frozen=True)
class Sizes:
    """How much is bred and learnt in a round: generations and children in each; real pictures to train on, and passes over all."""

    generations: int
    population: int
    pictures: int
    epochs: int


def with_nothing(
    model: nn.Module,
    fooling: Tensor,
    images: Tensor,
    labels: Tensor,
    *,
    epochs: int = 6,
    rate: float = 0.02,
    seed: int = 0,
) -> nn.Module:
    """What does a network learn that gets fooling pictures as a class of their own? A copy with one class more, trained on both.

    Parameters
    ----------
    model
        A classifier with `class_names`; if its last class is "nothing" already, it keeps it and learns the new pictures.
    fooling
        M x 3 x H x W in [0, 1]: the pictures that are to be called "nothing".
    images, labels
        N x 3 x H x W (floats or bytes) and N class indices: pictures of the other classes, so that these are not forgotten.
    epochs, learning_rate, seed
        As for `cnnlab.transfer.fine_tune`.

    Returns
    -------
    nn.Module
        In eval mode, named "... with nothing"; the answers about the old classes start from the old weights.

    References
    ----------
    Nguyen, Yosinski & Clune, "Deep Neural Networks are Easily Fooled", CVPR 2015, section 3.7. Lecture L, "Adversarial examples do not
    help".
    """
    names, called = tuple(model.class_names), getattr(model, "name", "network")
    if names[-1] == NOTHING:
        wider = model
    else:
        called = f"{called} with {NOTHING}"
        wider = new_head(model, (*names, NOTHING), seed=seed)
        old, new = (resolve_layer(one, head_name(one)) for one in (model, wider))
        with torch.no_grad():
            new.weight[:-1], new.bias[:-1] = old.weight, old.bias
    pictures = images if images.is_floating_point() else images.float() / 255
    nothing = torch.full((len(fooling),), len(wider.class_names) - 1)
    together = torch.cat([pictures, fooling]), torch.cat([labels, nothing])
    tuned = fine_tune(wider, *together, epochs=epochs, rate=rate, seed=seed).model
    tuned.name = called
    return tuned


def measure_retrained(*, rounds: int, seed: int, **sizes: int) -> dict[str, float]:
    """How sure is the network of `rounds` rounds of pictures that are bred against it, and how right about real ones?

    "confidence" and "sure" (the share above 0.9) are of the champions of all real classes after the last generation. "caught" is the
    share of those that were bred against the network of the round before and are called "nothing" now. `sizes` are those of `Sizes`.
    """
    amount = Sizes(**sizes)
    model, last = network_after(rounds, seed, amount), bred(rounds, seed, amount)[-1]
    tests = dataset("validation", n=200, progress=False)
    found = {
        "confidence": float(last.probabilities.mean()),
        "sure": float((last.probabilities > 0.9).float().mean()),
        "accuracy": accuracy(model, tests.images, tests.labels),
        "questions": last.queries,
    }
    if rounds:
        before = bred(rounds - 1, seed, amount)[-1].images
        found["caught"] = accuracy(model, before, torch.full((len(before),), len(model.class_names) - 1))
    return found


@lru_cache(maxsize=8)
def network_after(rounds: int, seed: int, sizes: Sizes) -> nn.Module:
    """The network after so many rounds of breeding and training."""
    if not whole_number(rounds, "rounds"):
        return load("mini_alexnet")
    training = dataset("train", progress=False)
    fooling = torch.cat([one.images for done in range(rounds) for one in bred(done, seed, sizes)])
    real = training.images[: sizes.pictures], training.labels[: sizes.pictures]
    return with_nothing(
        network_after(rounds - 1, seed, sizes), fooling, *real, epochs=sizes.epochs, seed=seed
    )


@lru_cache(maxsize=8)
def bred(rounds: int, seed: int, sizes: Sizes) -> Sequence[Fooling]:
    """Pictures bred against the network of a round, for its real classes: of some generations on the way, and of the last one."""
    model, end = network_after(rounds, seed, sizes), sizes.generations
    targets = [i for i, name in enumerate(model.class_names) if name != NOTHING]
    options = {"generations": end, "population": sizes.population, "seed": seed + rounds, "confidence": 1}
    steps = evolve_fooling(model, targets, **options)
    return [one for one in steps if one.generation in (end, *range(end // 3, end, EVERY))]


RETRAINED = Experiment(
    "Is a network that has learnt its fooling pictures as a class of their own harder to fool?",
    measure_retrained,
    grid={"seed": (0,), "rounds": (0, 1, 2)},
    options={"generations": 40, "population": 32, "pictures": 800, "epochs": 6},
    quick_grid={"rounds": (0, 1)},
    quick_options={"generations": 12, "population": 32, "pictures": 80, "epochs": 4},
)
