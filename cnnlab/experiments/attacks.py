"""Experiments on attacks: accuracy by epsilon and network, transfer of attacks between networks, and the effect of defences.

Every number is the share of pictures classified correctly before and after the attack (`cnnlab.robustness.robust_accuracy`), on the first
pictures of the validation split. Epsilon is in steps of 1/255.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import torch
from torch import Tensor, nn

from cnnlab._validation import one_of
from cnnlab.experiments.experiment import Experiment
from cnnlab.networks.zoo import load
from cnnlab.robustness import (
    JpegDefence,
    NoiseDefence,
    fgsm,
    pgd,
    random_signs,
    robust_accuracy,
    transfer_attack,
)
from cnnlab.world import dataset

DEFENCES: dict[str, Callable[[], nn.Module]] = {
    "none": lambda: load("mini_alexnet"),
    "jpeg": lambda: JpegDefence(load("mini_alexnet"), quality=50),
    "noise": lambda: NoiseDefence(load("mini_alexnet"), deviation=0.1, samples=4),
    "adversarial training": lambda: load("mini_alexnet_robust"),
}
"""Defences by name; all but the last protect the plain mini_alexnet."""
ATTACKERS = ("nobody", "unaware", "aware")
"""Knowledge of the attacker: no attack, attack on the plain network without the defence, attack on the defended network."""


def measure_attack(*, network: str, epsilon: float, pictures: int, steps: int) -> dict[str, float]:
    """Accuracy of a network on clean pictures, with random signs, after FGSM and after PGD, all at the same epsilon."""
    model, data = load(network), [_pictures(pictures)]
    radius = epsilon / 255
    attacks = {
        "noise": partial(random_signs, epsilon=radius),
        "fgsm": partial(fgsm, epsilon=radius),
        "pgd": partial(pgd, epsilon=radius, steps=steps),
    }
    results = {name: robust_accuracy(model, data, attack) for name, attack in attacks.items()}
    return {"clean": results["pgd"].clean_accuracy} | {
        name: result.accuracy for name, result in results.items()
    }


def measure_transfer(
    *, surrogate: str, victim: str, epsilon: float, pictures: int, steps: int
) -> dict[str, float]:
    """Transfer of an attack: the share of pictures correct for both networks that fools the victim after PGD on the surrogate."""
    images, labels = _pictures(pictures)

    def precomputed_attack(_model: nn.Module, _images: Tensor, _classes: Tensor) -> Tensor:
        return _adversarial_images(surrogate, epsilon, pictures, steps)

    result = transfer_attack(load(surrogate), load(victim), images, labels, attack=precomputed_attack)
    return {"fooled": result.victim_rate, "counted": int(result.evaluated.sum())}


def measure_defence(
    *, defence: str, attacker: str, epsilon: float, pictures: int, steps: int
) -> dict[str, float]:
    """Accuracy with a defence, by the attacker's knowledge."""
    model = DEFENCES[one_of(defence, DEFENCES, "defence")]()
    attacks = {
        "nobody": lambda _model, images, _labels: images,
        "unaware": lambda _model, _images, _labels: _adversarial_images(
            "mini_alexnet", epsilon, pictures, steps
        ),
        "aware": partial(pgd, epsilon=epsilon / 255, steps=steps),
    }
    result = robust_accuracy(model, [_pictures(pictures)], attacks[one_of(attacker, attacks, "attacker")])
    low, high = result.interval
    return {"accuracy": result.accuracy, "low": round(max(low, 0), 4), "high": round(high, 4)}


@lru_cache(maxsize=2)
def _pictures(count: int) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] and labels."""
    data = dataset("validation", n=count, progress=False)
    return data.images.float().div(255), data.labels


@lru_cache(maxsize=8)
def _adversarial_images(network: str, epsilon: float, pictures: int, steps: int) -> Tensor:
    """The pictures after PGD on a network, shared by several cells."""
    with torch.inference_mode(False):
        return pgd(load(network), *_pictures(pictures), epsilon=epsilon / 255, steps=steps)


_SIZES = {"pictures": 200, "steps": 10}
_NETWORKS = ("mini_alexnet", "mini_resnet", "mini_alexnet_robust")

ATTACKS = Experiment(
    "How does accuracy fall with epsilon, under noise, under FGSM and under PGD?",
    measure_attack,
    grid={"network": ("mini_alexnet", "mini_alexnet_robust"), "epsilon": (1, 2, 4, 8)},
    options=_SIZES,
    quick_grid={"epsilon": (2, 8)},
    quick_options={"pictures": 16, "steps": 4},
)
TRANSFER = Experiment(
    "Does what fools one network fool another?",
    measure_transfer,
    grid={"surrogate": _NETWORKS, "victim": _NETWORKS},
    options={"epsilon": 8, **_SIZES},
    quick_grid={"surrogate": ("mini_resnet",), "victim": ("mini_alexnet",)},
    quick_options={"pictures": 16, "steps": 4},
)
ADAPTIVE_ATTACKS = Experiment(
    "What is left of a defence when the attacker knows it?",
    measure_defence,
    grid={"defence": tuple(DEFENCES), "attacker": ATTACKERS, "epsilon": (6,)},
    options=_SIZES,
    quick_options={"pictures": 12, "steps": 3},
)
