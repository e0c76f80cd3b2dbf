"""Memorization experiment: networks trained on random labels and scrambled pictures, with and without regularisers.

A `MemorizationTask` holds the data; `train_epochs` trains epoch by epoch, so a caller can watch and stop it. Both are small
enough to run in a notebook: pictures of 48 x 48, a network of three convolutions and two fully connected layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab._validation import fraction, one_of, positive_int
from cnnlab.experiments.experiment import Experiment
from cnnlab.networks.architectures import Normalise
from cnnlab.networks.data_loading import augment
from cnnlab.networks.recipes import TrainingConfig
from cnnlab.robustness import gaussian_pixels, random_pixels, shuffled_pixels
from cnnlab.world import dataset

INPUTS = ("true labels", "random labels", "shuffled pixels", "random pixels", "gaussian pixels")
"""Training data: unchanged, or randomised in one of four ways."""
REGULARISERS = (
    "none",
    "weight decay",
    "dropout",
    "dropout + weight decay",
    "augmentation",
    "augmentation + dropout + weight decay",
)
"""Regularisers, alone and combined."""

SIDE = 48
_SCRAMBLE = {
    "shuffled pixels": shuffled_pixels,
    "random pixels": random_pixels,
    "gaussian pixels": gaussian_pixels,
}
_NO_AUGMENTATION = TrainingConfig("small", "pictures as they are", flip=False, shift=0)
_AUGMENTATION = TrainingConfig("small", "pictures mirrored and shifted", flip=True, shift=4)


@dataclass(frozen=True, eq=False)
class MemorizationTask:
    """Data of a memorization task: training and test pictures.

    Attributes
    ----------
    images, labels
        N x 3 x 48 x 48 in [0, 1] and N class indices: the training data.
    test_images, test_labels
        Pictures of another split, scrambled in the same way, with their true classes.
    class_names
        The classes.
    """

    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    class_names: tuple[str, ...]


def make_task(
    inputs: str = "true labels", share: float | None = None, *, pictures: int, seed: int = 0
) -> MemorizationTask:
    """A memorization task: the first pictures of the training split, and as many of the validation split as test pictures.

    Parameters
    ----------
    inputs
        One of `INPUTS`.
    share
        The share of random labels; by default 1 for "random labels" and 0 for all other inputs.
    pictures
        Number of pictures of each split.
    seed
        Seed of labels and pixels.

    Example
    -------
    >>> make_task("shuffled pixels", pictures=40).images.shape  # doctest: +SKIP
    torch.Size([40, 3, 48, 48])
    """
    one_of(inputs, INPUTS, "kind of inputs")
    random_share = float(inputs == "random labels") if share is None else fraction(share, "share")
    count = positive_int(pictures, "pictures")
    splits = [dataset(split, n=count, progress=False) for split in ("train", "validation")]
    images = [F.avg_pool2d(data.images.float() / 255, data.size // SIDE) for data in splits]
    if inputs in _SCRAMBLE:
        # One permutation for both splits if it is fixed; otherwise each split has its own random numbers.
        seeds = (seed, seed if inputs == "shuffled pixels" else seed + 1)
        images = [_SCRAMBLE[inputs](batch, seed=number) for batch, number in zip(images, seeds, strict=True)]
    labels = splits[0].with_random_labels(random_share, seed).labels
    return MemorizationTask(images[0], labels, images[1], splits[1].labels, splits[0].class_names)


def small_network(classes: int, dropout: float = 0.0) -> nn.Sequential:
    """Three convolutions and two fully connected layers, for pictures of 48 x 48."""
    layers: list[nn.Module] = [Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))]
    for inputs, maps, kernel, stride in ((3, 24, 6, 2), (24, 48, 3, 1), (48, 64, 3, 1)):
        layers += [
            nn.Conv2d(inputs, maps, kernel, stride, (kernel - 1) // 2, bias=False),
            nn.BatchNorm2d(maps),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    layers += [nn.Flatten(), nn.Dropout(dropout), nn.Linear(64 * 9, 128), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(128, classes))


def train_epochs(
    task: MemorizationTask,
    *,
    epochs: int,
    regulariser: str = "none",
    learning_rate: float = 2e-3,
    batch_size: int = 50,
    seed: int = 0,
) -> Iterator[dict[str, list[float]]]:
    """Train a new network on a task, yielding the history so far after each epoch; the caller may stop at any time.

    Parameters
    ----------
    task
        From `make_task`.
    epochs
        Number of epochs.
    regulariser
        One of `REGULARISERS`: weight decay of 1, decoupled from the gradient (AdamW); dropout of half of the inputs of both fully
        connected layers; mirrored pictures, shifted by up to 4 pixels.
    learning_rate, batch_size
        Of AdamW; the learning rate falls to zero along half a cosine.
    seed
        Seed of weights, order, dropout and augmentation. torch's global generator is restored.

    Yields
    ------
    dict
        Lists with a number for each epoch: "loss"; "accuracy" on the training pictures without augmentation, and "validation" on the test
        pictures, both with dropout off; "top5" and "validation_top5", the top-5 accuracies.

    Example
    -------
    >>> history = list(train_epochs(make_task(pictures=40), epochs=2))[-1]  # doctest: +SKIP
    """
    parts = one_of(regulariser, REGULARISERS, "regulariser").split(" + ")
    plan = _AUGMENTATION if "augmentation" in parts else _NO_AUGMENTATION
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = small_network(len(task.class_names), 0.5 if "dropout" in parts else 0.0)
        state = torch.get_rng_state()
    decay = 1.0 if "weight decay" in parts else 0.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, positive_int(epochs, "epochs"))
    history: dict[str, list[float]] = {
        name: [] for name in ("loss", "accuracy", "top5", "validation", "validation_top5")
    }
    for _ in range(epochs):
        with torch.random.fork_rng(devices=[]):  # dropout draws from the global generator
            torch.set_rng_state(state)
            history["loss"].append(_train_epoch(model, optimizer, task, plan, batch_size, generator))
            state = torch.get_rng_state()
        schedule.step()
        for name, images, labels in (
            ("accuracy", task.images, task.labels),
            ("validation", task.test_images, task.test_labels),
        ):
            top1, top5 = _top1_and_top5(model, images, labels)
            history[name].append(top1)
            history["top5" if name == "accuracy" else "validation_top5"].append(top5)
        yield {name: list(values) for name, values in history.items()}


def _train_epoch(
    model, optimizer, task: MemorizationTask, plan: TrainingConfig, batch_size: int, generator
) -> float:
    """Train for one epoch in random order; returns the mean loss."""
    model.train()
    losses = 0.0
    for rows in torch.randperm(len(task.images), generator=generator).split(batch_size):
        images = augment(task.images, rows, plan, generator)
        loss = F.cross_entropy(model(images), task.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses += float(loss.detach()) * len(rows)
    return round(losses / len(task.images), 4)


def _top1_and_top5(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Top-1 and top-5 accuracy."""
    model.eval()
    with torch.inference_mode():
        top5 = torch.cat([model(batch).topk(5).indices for batch in images.split(100)])
    hits = top5 == labels[:, None]
    return round(float(hits[:, 0].float().mean()), 4), round(float(hits.any(1).float().mean()), 4)


def measure_memorization(
    *,
    pictures: int,
    epochs: int,
    seed: int,
    inputs: str = "true labels",
    share: float | None = None,
    regulariser: str = "none",
) -> dict[str, Any]:
    """Train on one task for all epochs.

    Returns
    -------
    dict
        Last values of `train_epochs`: "train", "train_top5", "test", "test_top5"; the best "test" accuracy of any epoch as "best_test";
        and the accuracies after each epoch as "train_curve" and "test_curve".

    Example
    -------
    >>> measure_memorization(pictures=40, epochs=2, seed=0, share=1.0)["train"]  # doctest: +SKIP
    """
    task = make_task(inputs, share, pictures=pictures, seed=seed)
    *_, history = train_epochs(task, epochs=epochs, regulariser=regulariser, seed=seed)
    return {
        "train": history["accuracy"][-1],
        "train_top5": history["top5"][-1],
        "test": history["validation"][-1],
        "test_top5": history["validation_top5"][-1],
        "best_test": max(history["validation"]),
        "train_curve": history["accuracy"],
        "test_curve": history["validation"],
    }


RANDOM_LABELS = Experiment(
    "What does a network learn when a share of the labels is drawn by chance?",
    measure_memorization,
    grid={"share": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)},
    options={"pictures": 300, "epochs": 20, "seed": 0},
    quick_grid={"share": (0.0, 0.5, 1.0)},
    quick_options={"pictures": 100, "epochs": 15},
)
SCRAMBLED_INPUTS = Experiment(
    "Can a network learn pictures by heart whose pixels are scrambled?",
    measure_memorization,
    grid={"inputs": INPUTS},
    options={"pictures": 300, "epochs": 20, "seed": 0},
    quick_grid={"inputs": ("true labels", "random pixels")},
    quick_options={"pictures": 100, "epochs": 15},
)
REGULARISATION = Experiment(
    "Do regularisers keep a network from learning random labels, and what do they do for true ones?",
    measure_memorization,
    grid={"inputs": ("true labels", "random labels"), "regulariser": REGULARISERS},
    # Five times as many epochs as without: dropout and augmentation slow down training, and the final accuracy is of interest.
    options={"pictures": 300, "epochs": 100, "seed": 0},
    quick_grid={"inputs": ("random labels",), "regulariser": ("none", "weight decay")},
    quick_options={"pictures": 100, "epochs": 15},
)
