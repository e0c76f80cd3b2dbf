"""Segmentation experiments: upsampling with pooling indices, and pretraining on rendered pictures for drawn ones.

Both train the small encoder and decoder of `cnnlab.segmentation` on small pictures to separate objects from the background; each cell
takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from torch import nn

from cnnlab import segmentation, transfer, world
from cnnlab._validation import one_of
from cnnlab.experiments.experiment import Experiment
from cnnlab.networks.reinitialise import reinitialise
from cnnlab.networks.training_data import Labelled, object_masks
from cnnlab.segmentation import UPSAMPLING, EncoderDecoder

CLASSES = ("sheep", "elephant", "fish", "car", "house", "cup")
STARTS = ("from scratch", "pretrained on rendered")
SCALE = 0.4
"""Half of an object's box as a share of the picture: large, so that a few hundred pictures suffice to learn more than the background."""
CLASS_NAMES = ("background", "object")
EDGE_WIDTH = 1
"""Pixels within this distance of a true boundary count as near it; these pictures are small."""


def measure_upsampling(
    way_up: str,
    seed: int,
    *,
    classes: Sequence[str],
    size: int,
    pictures: int,
    validation: int,
    epochs: int,
    batch_size: int,
    rate: float,
) -> dict[str, float]:
    """One cell of `UPSAMPLING_METHODS`: mean IoU of a network trained from scratch on rendered pictures."""
    names = tuple(classes)
    model = _trained_on_renderings(names, size, pictures, epochs, batch_size, rate, seed, way_up)
    return _scores(model, _masks("validation", validation, size, names))


def measure_start(
    start: str,
    pictures: int,
    seed: int,
    *,
    classes: Sequence[str],
    size: int,
    rendered: int,
    rendered_epochs: int,
    most: int,
    validation: int,
    updates: int,
    batch_size: int,
    rate: float,
) -> dict[str, float]:
    """One cell of `DOMAIN_SHIFT`: a network trained for `updates` steps on `pictures` drawn pictures, pretrained or from scratch.

    Different seeds take different subsets of the `most` drawn pictures.
    """
    names = tuple(classes)
    if one_of(start, STARTS, "start") == STARTS[0]:
        model: nn.Module = reinitialise(EncoderDecoder(CLASS_NAMES), seed)
    else:
        model = _trained_on_renderings(names, size, rendered, rendered_epochs, batch_size, rate, seed)
    line_art, first = _masks("train", most, size, names, "drawn"), seed * pictures % most
    rows = slice(first, first + pictures)
    epochs = max(1, round(updates * batch_size / pictures))
    tuned = transfer.fine_tune(
        model,
        line_art.images[rows],
        line_art.labels[rows],
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=rate,
        seed=seed,
    )
    unseen = _masks("validation", validation, size, names, "drawn")
    before = _scores(model, unseen)["mean_iou"]
    return _scores(tuned.model, unseen) | {"before": before, "loss": round(tuned.losses[-1], 4)}


@lru_cache(maxsize=8)
def _trained_on_renderings(
    classes: tuple[str, ...],
    size: int,
    pictures: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    upsampling: str = "remembered",
) -> nn.Module:
    """A network trained from scratch on rendered pictures."""
    training = _masks("train", pictures, size, classes)
    model = reinitialise(EncoderDecoder(CLASS_NAMES, upsampling), seed)
    return transfer.fine_tune(
        model,
        training.images,
        training.labels,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    ).model


@lru_cache(maxsize=8)
def _masks(split: str, n: int, size: int, classes: tuple[str, ...], style: str = "rendered") -> Labelled:
    """Pictures of a few classes, and a mask that is 1 on the object and 0 elsewhere."""
    data = object_masks(
        world.dataset(
            split, n=n, size=size, classes=classes, style=style, scale=SCALE, clutter=0, progress=False
        )
    )
    return Labelled(data.images, data.labels.clamp(max=1), CLASS_NAMES)


def _scores(model: nn.Module, data: Labelled) -> dict[str, float]:
    scores = segmentation.segmentation_score(model, data.images, data.labels, width=EDGE_WIDTH)
    return {
        "mean_iou": round(scores.overall.mean, 4),
        "at_edges": round(scores.near_boundary.mean, 4),
        "inside": round(scores.interior.mean, 4),
    }


UPSAMPLING_METHODS = Experiment(
    question="What is it worth for a decoder to know where the maxima of the encoder stood?",
    measure=measure_upsampling,
    grid={"way_up": UPSAMPLING, "seed": (0, 1, 2)},
    options={
        "classes": list(CLASSES),
        "size": 32,
        "pictures": 400,
        "validation": 200,
        "epochs": 10,
        "batch_size": 10,
        "rate": 0.1,
    },
    quick_grid={"seed": (0,)},
    quick_options={"pictures": 200, "validation": 60, "epochs": 4},
)
DOMAIN_SHIFT = Experiment(
    question="Few drawn pictures have masks, but rendered ones are free: what is it worth to learn from those first?",
    measure=measure_start,
    grid={"seed": (0, 1, 2), "pictures": (12, 48, 192), "start": STARTS},
    options={
        "classes": list(CLASSES),
        "size": 32,
        "rendered": 400,
        "rendered_epochs": 10,
        "most": 576,
        "validation": 200,
        "updates": 120,
        "batch_size": 12,
        "rate": 0.05,
    },
    quick_grid={"pictures": (24,), "seed": (0,)},
    quick_options={"rendered": 200, "rendered_epochs": 4, "most": 24, "validation": 60, "updates": 60},
)
