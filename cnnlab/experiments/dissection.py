"""Dissection experiments: number of concept detectors by architecture and layer, trained and untrained, and in a rotated basis."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cnnlab.experiments.experiment import Experiment
from cnnlab.networks import load, reinitialise
from cnnlab.networks.data_loading import picture_batches
from cnnlab.networks.weight_averaging import estimate_statistics
from cnnlab.units import Dissection, dissect
from cnnlab.world import dataset

_ALEXNET = ("relu1", "relu2", "relu3", "relu4", "relu5")
LAYERS = {
    "mini_alexnet": _ALEXNET,
    "mini_vgg": ("relu1_2", "relu2_2", "relu3_2", "relu4_1", "relu4_2"),
    "mini_resnet": ("relu1", "layer1.1.relu2", "layer2.1.relu2", "layer3.0.relu2", "layer3.1.relu2"),
    "mini_densenet": ("relu1", "relu_block1", "relu_block2", "block3.3.relu", "relu_block3"),
    "mini_alexnet_scenes": _ALEXNET,
}
"""Five layers of each network, from input to output, ending with the last layer that has maps."""

STRICT_THRESHOLDS = (0.08, 0.12, 0.2)
"""Thresholds of the overlap in addition to the default."""


def measure_dissection(
    *, network: str, weights: str, depth: int, pictures: int, every: int
) -> dict[str, Any]:
    """Number of detectors in layer number `depth` (from 1) of `LAYERS[network]`, with "trained" or "untrained" weights.

    The first `pictures` of the validation split are dissected, at regularly spaced pixels in both directions. All
    layers of a network are dissected together, and the cells of one network share the result.
    """
    dissections = _dissections(network, weights, pictures, every)
    return _counts(dissections[LAYERS[network][depth - 1]])


def measure_basis(
    *, network: str, amount: float, seed: int, layer: str, pictures: int, every: int
) -> dict[str, Any]:
    """Number of detectors among the units (`amount` 0), among as many randomly rotated directions (1), or in between."""
    return _counts(_rotated_basis(network, amount, seed, pictures, every)[layer])


ROTATED_LAYERS = ("relu3", "relu4", "relu5")


@lru_cache(maxsize=1)
def _dissections(network: str, weights: str, pictures: int, pixel_step: int) -> dict[str, Dissection]:
    model, data = load(network), dataset("validation", n=pictures, progress=False)
    if weights == "untrained":
        model = reinitialise(model)
        # Without its own statistics an untrained network is at a disadvantage: most of its units would be always off or always on.
        estimate_statistics(model, picture_batches(data, 50))
        model.eval()
    return dissect(model, data, LAYERS[network], pixel_step=pixel_step)


@lru_cache(maxsize=1)
def _rotated_basis(
    network: str, amount: float, seed: int, pictures: int, pixel_step: int
) -> dict[str, Dissection]:
    data = dataset("validation", n=pictures, progress=False)
    return dissect(load(network), data, ROTATED_LAYERS, pixel_step=pixel_step, rotate=amount, seed=seed)


def _counts(dissection: Dissection) -> dict[str, Any]:
    """Counts for one layer: detectors, unique ones in total and by category, by chance, and at stricter thresholds."""
    best = dissection.iou.max(1).values
    chance_level = dissection.at_chance()
    return {
        "layer": dissection.layer,
        "units": len(best),
        "detectors": int(dissection.detectors().sum()),
        "unique": dissection.unique_detectors(),
        "chance": int(chance_level.detectors().sum()),
        "unique_by_chance": chance_level.unique_detectors(),
        "mean_iou": round(float(best.mean()), 4),
        "mean_iou_by_chance": round(float(chance_level.iou.max(1).values.mean()), 4),
        **{c: dissection.unique_detectors(category=c) for c in dict.fromkeys(dissection.categories)},
        **{f"detectors above {t}": int(dissection.detectors(t).sum()) for t in STRICT_THRESHOLDS},
        **{f"unique above {t}": dissection.unique_detectors(t) for t in STRICT_THRESHOLDS},
    }


DISSECTION = Experiment(
    question="How many units of which layer, of which network, are detectors of something that has a name?",
    measure=measure_dissection,
    grid={"network": tuple(LAYERS), "weights": ("trained", "untrained"), "depth": (1, 2, 3, 4, 5)},
    options={"pictures": 300, "every": 4},
    quick_grid={"network": ("mini_alexnet",)},
    quick_options={"pictures": 120},
)

BASIS = Experiment(
    question="Do concepts lie along the axes of a layer, or are turned directions as good?",
    measure=measure_basis,
    grid={
        "network": ("mini_alexnet", "mini_alexnet_scenes"),
        "amount": (0.0, 0.5, 1.0),
        "seed": (0, 1),
        "layer": ROTATED_LAYERS,
    },
    options={"pictures": 300, "every": 4},
    quick_grid={"network": ("mini_alexnet",), "amount": (0.0, 1.0), "seed": (0,)},
    quick_options={"pictures": 120},
)
