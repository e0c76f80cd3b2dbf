"""Transfer experiments: from ImageNet to the rendered world, and with networks trained on one half of its classes (`half_a`, `half_b`).

    domains   features of frozen ImageNet networks against HOG, pixels and training from scratch, on four tasks
    examples  a network trained on half A learns the classes of half B from few examples, compared with training from scratch
    halves    the first layers of A or B, frozen or fine-tuned, below new layers for B (Yosinski et al., 2014)

The last two are sized for a lecture: hundreds of pictures and a few epochs, where the papers use a million pictures and weeks. What
this size can and cannot show is discussed with the records, in notebook 17.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab import world
from cnnlab.experiments.experiment import Experiment
from cnnlab.features import hog, linear_probe, pool_maps
from cnnlab.networks import activations
from cnnlab.networks.data_loading import picture_batches
from cnnlab.networks.zoo import load
from cnnlab.transfer import (
    NewTask,
    accuracy,
    accuracy_by_examples,
    fine_tune,
    new_head,
    new_task,
    reinitialise_after,
    sample_per_class,
    transferability_experiment,
)
from cnnlab.transfer.learning_curves import Examples, epochs_for_steps

KEYWORDS = {"rate": "learning_rate", "scratch_rate": "scratch_learning_rate"}
"""Option names in the records, and the keywords of the techniques."""


DOMAINS = {"objects": {}, "line art": {"style": "drawn"}, "scenes": {"task": "scene"}, "digits": None}
"""Tasks that ImageNet does not have, and what they are in the world; the digits are not of it."""

FEATURES = {"fire5": "squeezenet", "fire7": "squeezenet", "fire9": "squeezenet", "pool": "efficientnet_lite0"}
"""The layers whose maps are averaged to features, and their networks."""

SMALL, SCRATCH = 64, 48
"""Side of the pictures for HOG and the pixels, and for training from scratch."""


def measure_domains(
    task: str,
    per_class: int,
    seed: int,
    *,
    pictures: int,
    test_pictures: int,
    size: int,
    steps: int,
    batch_size: int,
    scratch_rate: float,
) -> dict[str, float]:
    """Accuracy on a task after `per_class` examples of each class: linear probes on frozen features, and a network from scratch.

    Parameters
    ----------
    task
        One of `DOMAINS`.
    per_class, seed
        Number of examples of each class, and the seed that selects them and initialises the network from scratch.
    pictures, test_pictures, size
        Number of pictures from which examples are drawn, of test pictures, and their side.
    steps, batch_size, scratch_rate
        Of the training from scratch (the architecture of mini_resnet); no steps, no training.

    Returns
    -------
    dict
        "fire5", "fire7", "fire9" (SqueezeNet), "lite0", "HOG", "pixels" (8 x 8), and "scratch".
    """
    data, features = domain_features(task, pictures, test_pictures, size)
    rows = sample_per_class(data.labels, len(data.classes), per_class, seed)
    result = {
        name: linear_probe(train[rows], data.labels[rows], test, data.test_labels).accuracy
        for name, (train, test) in features.items()
    }
    if steps:
        start = reinitialise_after(load("mini_resnet"), None, seed=seed)
        trained = fine_tune(
            new_head(start, data.classes, seed=seed),
            _shrunk(data.images[rows], SCRATCH),
            data.labels[rows],
            learning_rate=scratch_rate,
            epochs=epochs_for_steps(steps, len(rows), batch_size),
            batch_size=batch_size,
            mirror=DOMAINS[task] is not None,  # a mirrored digit is none
            seed=seed,
        ).model
        result["scratch"] = accuracy(trained, _shrunk(data.test_images, SCRATCH), data.test_labels)
    return {name: round(share, 4) for name, share in result.items()}


@lru_cache(maxsize=1)
def domain_features(
    task: str, pictures: int, test_pictures: int, size: int
) -> tuple[NewTask, dict[str, tuple[Tensor, Tensor]]]:
    """A task, and for each kind of features the vectors of its training and of its test pictures."""
    data = domain_task(task, pictures, test_pictures, size)
    parts = (data.images, data.test_images)
    names = {"pool": "lite0"}
    features = {names.get(layer, layer): [] for layer in FEATURES}
    for images in parts:
        vectors: dict[str, list[Tensor]] = {layer: [] for layer in FEATURES}
        for batch in picture_batches(images.float() / 255, 50):
            for network in dict.fromkeys(FEATURES.values()):
                layers = [layer for layer, owner in FEATURES.items() if owner == network]
                for layer, maps in activations(load(network), batch, layers).items():
                    vectors[layer].append(pool_maps(maps, "mean"))
        for layer, chunks in vectors.items():
            features[names.get(layer, layer)].append(torch.cat(chunks))
    features["HOG"] = [hog(_shrunk(images), cell=8) for images in parts]
    features["pixels"] = [F.avg_pool2d(_shrunk(images), SMALL // 8).flatten(1) for images in parts]
    return data, {name: (train, test) for name, (train, test) in features.items()}


def domain_task(task: str, pictures: int, test_pictures: int, size: int) -> NewTask:
    """One of `DOMAINS` with its pictures."""
    options = DOMAINS[task]
    if options is None:
        return new_task("handwritten digits", load("squeezenet"), n=pictures, test_n=test_pictures, size=size)
    train, test = (
        world.dataset(split, n=n, size=size, progress=False, **options)
        for split, n in (("train", pictures), ("test", test_pictures))
    )
    return NewTask(task, train.class_names, train.images, train.labels, test.images, test.labels)


def _shrunk(images: Tensor, side: int = SMALL) -> Tensor:
    """Bytes as floats, averaged to a smaller side."""
    return F.interpolate(images.float() / 255, size=(side, side), mode="area")


def measure_examples(
    per_class: int, seed: int, *, source: str, pictures: int, test_pictures: int, **options: Any
) -> dict[str, float]:
    """Accuracy on new classes after `per_class` examples of each, by three methods with equally many steps.

    Parameters
    ----------
    per_class, seed
        Number of examples of each class, and the seed that selects them and initialises the new weights.
    source
        The pretrained network; the new task is to classify all objects that are *not* among its classes.
    pictures, test_pictures
        Number of pictures of the split from which examples are drawn, and of the test split.
    options
        For `cnnlab.transfer.accuracy_by_examples`: `steps`, `batch_size`, and the learning rates as `rate` and `scratch_rate`.

    Returns
    -------
    dict
        "frozen", "tuned" and "scratch".
    """
    model = load(source)
    classes = [name for name in world.OBJECTS if name not in model.class_names]
    result = accuracy_by_examples(
        model,
        images_of_classes("train", classes, pictures),
        images_of_classes("test", classes, test_pictures),
        classes,
        per_class=[per_class],
        seeds=[seed],
        **{KEYWORDS.get(key, key): value for key, value in options.items()},
    )
    return {condition: round(float(values), 4) for condition, values in result.accuracy.items()}


def measure_halves(
    layer: str, seed: int, *, pictures: int, test_pictures: int, **options: Any
) -> dict[str, float]:
    """Accuracy on the classes of B with the layers up to `layer` from A or from B, frozen or fine-tuned.

    Parameters
    ----------
    layer, seed
        The last transferred layer; the seed determines the new weights above it and the order of the pictures.
    pictures, test_pictures
        Number of pictures of B: the first of base B's training pictures, and pictures that no network has seen.
    options
        For `cnnlab.transfer.fine_tune`: `epochs`, `batch_size`, and the learning rate as `rate`.

    Returns
    -------
    dict
        "BnB", "BnB+", "AnB", "AnB+", and "base": base B itself, untouched.
    """
    base_b = load("half_b")
    train, test = (
        images_of_classes(split, base_b.class_names, n)
        for split, n in (("train", pictures), ("test", test_pictures))
    )
    result = transferability_experiment(
        load("half_a"),
        base_b,
        train,
        test,
        layers=[layer],
        seeds=[seed],
        **{KEYWORDS.get(key, key): value for key, value in options.items()},
    )
    shares = {treatment: round(float(values), 4) for treatment, values in result.accuracy.items()}
    return shares | {"base": round(result.base, 4)}


def images_of_classes(split: str, classes: list[str] | tuple[str, ...], n: int) -> Examples:
    """Pictures of the given classes, and their labels."""
    data = world.dataset(split, n=n, classes=classes, progress=False)
    return data.images, data.labels


NEW_DOMAINS = Experiment(
    "Where do features of a frozen ImageNet network beat hand-made ones and training from scratch, with how many examples?",
    measure_domains,
    grid={"task": tuple(DOMAINS), "per_class": (1, 2, 5, 10, 20), "seed": (0, 1, 2)},
    options={
        "pictures": 600,
        "test_pictures": 200,
        "size": 224,
        "steps": 100,
        "batch_size": 16,
        "scratch_rate": 0.05,
    },
    quick_grid={"task": ("objects", "digits"), "per_class": (1, 5), "seed": (0,)},
    quick_options={"pictures": 100, "test_pictures": 100, "steps": 0},
)

EXAMPLES = Experiment(
    "How many examples does a new class need, with what a network knows of other classes and without?",
    measure_examples,
    grid={"per_class": (1, 4, 16, 64), "seed": (0, 1, 2)},
    options={
        "source": "half_a",
        "pictures": 960,
        "test_pictures": 400,
        "steps": 80,
        "batch_size": 16,
        "rate": 0.02,
        "scratch_rate": 0.05,
    },
    quick_grid={"per_class": (4, 16), "seed": (0,)},
    quick_options={"steps": 25, "test_pictures": 100},
)

HALVES = Experiment(
    "Up to which layer are features good for any classes, and from where on only for their own?",
    measure_halves,
    grid={"layer": ("pool1", "relu3", "relu5", "relu7"), "seed": (0, 1)},
    options={"pictures": 400, "test_pictures": 400, "epochs": 3, "batch_size": 16, "rate": 0.02},
    quick_grid={"layer": ("relu7",), "seed": (0,)},
    quick_options={"pictures": 160, "test_pictures": 100, "epochs": 2},
)
