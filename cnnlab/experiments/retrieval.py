"""Retrieval experiment: mean average precision of instance retrieval by layer and dimension, before and after fine-tuning."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.experiments.experiment import Experiment
from cnnlab.features import PIXELS, l2, mean_average_precision, pca, pool_maps
from cnnlab.networks import activations, load
from cnnlab.networks.data_loading import picture_batches
from cnnlab.transfer import fine_tune, new_head
from cnnlab.world import Instances, instances

LAYERS = (PIXELS, "relu2", "relu3", "relu4", "relu5", "relu6", "relu7")
BEFORE, AFTER = "before", "after"


def measure_retrieval(
    *, tuning: str, layer: str, dimensions: int, things: int, views: int, epochs: int, rate: float
) -> dict[str, Any]:
    """Mean average precision of retrieving the other views of an object with features of `layer`, "before" or "after" fine-tuning.

    Maps are summed over their positions (SPoC), and the features normalised to length 1. With `dimensions` above 0 they are also projected
    and whitened; the axes come from the features of the training objects, never from the searched set.
    """
    searched, _ = collections(things, views)
    codes, training_codes = (part[layer] for part in _codes(tuning, things, views, epochs, rate))
    n_kept = codes.shape[1]
    if dimensions:
        axes = pca(training_codes)
        n_kept = min(dimensions, len(axes.axes))
        codes = axes.whiten(codes, n_kept)
    instance_ap = mean_average_precision(l2(codes), searched.labels)
    class_ap = mean_average_precision(l2(codes), searched.classes)
    return {
        "kept": n_kept,
        "map": round(instance_ap.mean, 4),
        "chance": round(instance_ap.chance, 4),
        "map_of_classes": round(class_ap.mean, 4),
    }


def collections(objects: int, views: int) -> tuple[Instances, Instances]:
    """The set to search, and a set of other objects for fine-tuning and for the axes."""
    return (
        instances("test", objects, views, progress=False),
        instances("train", objects, views, progress=False),
    )


@lru_cache(maxsize=1)
def fine_tuned_network(objects: int, views: int, epochs: int, learning_rate: float) -> nn.Module:
    """mini_alexnet, fine-tuned to classify the objects of the other set."""
    _, training_set = collections(objects, views)
    model = new_head(load("mini_alexnet"), training_set.class_names)
    return fine_tune(
        model, training_set.images, training_set.labels, learning_rate=learning_rate, epochs=epochs
    ).model


@lru_cache(maxsize=1)
def _codes(
    tuning: str, objects: int, views: int, epochs: int, learning_rate: float
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The features of all layers for the searched and the other set, with one forward pass each."""
    model = (
        fine_tuned_network(objects, views, epochs, learning_rate) if tuning == AFTER else load("mini_alexnet")
    )
    layers = [layer for layer in LAYERS if layer != PIXELS]
    per_collection = []
    for pictures in collections(objects, views):
        parts: dict[str, list[Tensor]] = {layer: [] for layer in LAYERS}
        for images in picture_batches(pictures, 50):
            parts[PIXELS].append(images.flatten(1))
            for layer, maps in activations(model, images, layers).items():
                parts[layer].append(pool_maps(maps, "sum"))
        per_collection.append({layer: torch.cat(codes) for layer, codes in parts.items()})
    return per_collection[0], per_collection[1]


RETRIEVAL = Experiment(
    question="Which layer finds the same thing again, in how few dimensions, before and after fine-tuning?",
    measure=measure_retrieval,
    grid={"tuning": (BEFORE, AFTER), "layer": LAYERS, "dimensions": (0, 2, 4, 8, 16, 32, 64, 128)},
    options={"things": 50, "views": 6, "epochs": 30, "rate": 0.05},
    quick_grid={"tuning": (BEFORE,), "layer": ("relu4", "relu5")},
    quick_options={"things": 20, "views": 4, "epochs": 1},
)
