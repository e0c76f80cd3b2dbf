"""Can a network find the same thing again? Mean average precision by layer and dimension, before and after fine-tuning."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.codes import PIXELS, l2, mean_average_precision, pca, pool_maps
from cnnlab.experiments.experiment import Experiment
from cnnlab.networks import activations, load
from cnnlab.networks.batches import picture_batches
from cnnlab.transfer import fine_tune, new_head
from cnnlab.world import Instances, instances

LAYERS = (PIXELS, "relu2", "relu3", "relu4", "relu5", "relu6", "relu7")
BEFORE, AFTER = "before", "after"


def measure_retrieval(
    *, tuning: str, layer: str, dimensions: int, things: int, views: int, epochs: int, rate: float
) -> dict[str, Any]:
    """How well codes of `layer` find the other views of a thing, "before" or "after" fine-tuning on other things.

    Maps are summed over their places (SPoC), the code brought to length 1. With `dimensions` above 0 it is projected and whitened first;
    the axes come from the codes of the things that were trained on, never from those that are searched.
    """
    searched, _ = collections(things, views)
    codes, others = (part[layer] for part in _codes(tuning, things, views, epochs, rate))
    kept = codes.shape[1]
    if dimensions:
        axes = pca(others)
        kept = min(dimensions, len(axes.axes))
        codes = axes.whiten(codes, kept)
    found = mean_average_precision(l2(codes), searched.labels)
    classes = mean_average_precision(l2(codes), searched.classes)
    return {
        "kept": kept,
        "map": round(found.mean, 4),
        "chance": round(found.chance, 4),
        "map_of_classes": round(classes.mean, 4),
    }


def collections(things: int, views: int) -> tuple[Instances, Instances]:
    """The collection that is searched, and one of other things: to fine-tune on, and to find axes on."""
    return (
        instances("test", things, views, progress=False),
        instances("train", things, views, progress=False),
    )


@lru_cache(maxsize=1)
def tuned(things: int, views: int, epochs: int, rate: float) -> nn.Module:
    """mini_alexnet, fine-tuned to tell the things of the other collection apart."""
    _, learned = collections(things, views)
    fresh = new_head(load("mini_alexnet"), learned.class_names)
    return fine_tune(fresh, learned.images, learned.labels, rate=rate, epochs=epochs).model


@lru_cache(maxsize=1)
def _codes(
    tuning: str, things: int, views: int, epochs: int, rate: float
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The codes of all layers, of the collection that is searched and of the other one; one pass each."""
    model = tuned(things, views, epochs, rate) if tuning == AFTER else load("mini_alexnet")
    layers = [layer for layer in LAYERS if layer != PIXELS]
    both = []
    for pictures in collections(things, views):
        parts: dict[str, list[Tensor]] = {layer: [] for layer in LAYERS}
        for images in picture_batches(pictures, 50):
            parts[PIXELS].append(images.flatten(1))
            for layer, maps in activations(model, images, layers).items():
                parts[layer].append(pool_maps(maps, "sum"))
        both.append({layer: torch.cat(codes) for layer, codes in parts.items()})
    return both[0], both[1]


RETRIEVAL = Experiment(
    question="Which layer finds the same thing again, in how few dimensions, before and after fine-tuning?",
    measure=measure_retrieval,
    grid={"tuning": (BEFORE, AFTER), "layer": LAYERS, "dimensions": (0, 2, 4, 8, 16, 32, 64, 128)},
    options={"things": 50, "views": 6, "epochs": 30, "rate": 0.05},
    quick_grid={"tuning": (BEFORE,), "layer": ("relu4", "relu5")},
    quick_options={"things": 20, "views": 4, "epochs": 1},
)
