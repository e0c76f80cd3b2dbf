"""Corruption experiment: error rates of the networks under each of the fifteen corruptions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from cnnlab.experiments.experiment import Experiment
from cnnlab.networks import load
from cnnlab.robustness import CORRUPTIONS, SEVERITIES, corrupt
from cnnlab.world import dataset

NETWORKS = (
    "mini_alexnet",
    "mini_vgg",
    "mini_resnet",
    "mini_densenet",
    "mini_alexnet_robust",
    "mini_alexnet_restyled",
)
"""The first is the reference of the normalised errors, as AlexNet is in the paper."""


def measure_corruption(*, kind: str, severity: int, network: str, pictures: int, seed: int) -> dict[str, Any]:
    """Error rate of one network under one corruption at one severity.

    Parameters
    ----------
    kind, severity
        As in `cnnlab.robustness.corrupt`.
    network
        A name of `cnnlab.available()`.
    pictures
        Number of pictures of the validation split.
    seed
        Seed of the corruption.

    Returns
    -------
    dict
        "error", the share of wrong predictions, and "wrong", their number in each class.

    Example
    -------
    >>> measure_corruption(kind="fog", severity=3, network="mini_alexnet", pictures=20, seed=0)["error"]  # doctest: +SKIP
    """
    images, labels = _corrupted_images(kind, severity, pictures, seed)
    model = _network(network)
    with torch.inference_mode():
        predictions = torch.cat([model(batch).argmax(1) for batch in images.split(50)])
    wrong = torch.bincount(labels[predictions != labels], minlength=len(model.class_names))
    return {"error": round(float(wrong.sum()) / len(labels), 4), "wrong": wrong.tolist()}


@lru_cache(maxsize=1)  # all networks classify the same pictures, one after another
def _corrupted_images(kind: str, severity: int, pictures: int, seed: int) -> tuple[Tensor, Tensor]:
    data = dataset("validation", n=pictures, progress=False)
    return corrupt(data.images.float() / 255, kind, severity, seed=seed), data.labels


@lru_cache(maxsize=len(NETWORKS))
def _network(name: str) -> torch.nn.Module:
    return load(name)


CORRUPTION_ERRORS = Experiment(
    "How often is each network wrong under each corruption?",
    measure_corruption,
    grid={"kind": CORRUPTIONS, "severity": SEVERITIES, "network": NETWORKS},
    options={"pictures": 100, "seed": 0},
    quick_grid={"severity": (1, 3, 5), "network": ("mini_alexnet",)},
    quick_options={"pictures": 20},
)
