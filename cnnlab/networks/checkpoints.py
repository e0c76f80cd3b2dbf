"""Checkpoints: a training run that is saved after each epoch and can be resumed, bit for bit.

Checkpoints lie in the cache. They carry a checksum; if one is damaged, training starts from the beginning.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.networks.recipes import TrainingConfig
from cnnlab.networks.weight_files import write_atomically
from cnnlab.world import cache

_SAVED_FIELDS = ("average", "averaged", "epoch", "seconds", "history")


@dataclass
class Run:
    """The state of a training run.

    `average` is the mean of the parameters over at most the last `averaged` steps (see `cnnlab.networks.weight_averaging`), `epoch` the
    number of epochs done, `history` the loss and accuracies of each.
    """

    name: str
    config: TrainingConfig
    seed: int
    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor] = field(default_factory=dict)
    averaged: int = 0
    epoch: int = 0
    seconds: float = 0.0
    history: dict[str, list[float]] = field(
        default_factory=lambda: {"loss": [], "accuracy": [], "validation": []}
    )


def folder(name: str) -> Path:
    """The folder of the checkpoints of `name`. Not created."""
    return cache.folder() / "training" / name


def checkpoint(run: Run, pictures: str) -> Path:
    """The checkpoint file of this run. Its name depends on config, seed and data set, so that runs are never confused."""
    identity = [run.name, asdict(run.config), run.seed, pictures, torch.__version__]
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    return folder(run.name) / f"{key}.checkpoint"


def fingerprint(dataset: Any) -> str:
    """A checksum of the labels and of some of the images, cheap enough to compute at every start."""
    digest = hashlib.sha256(torch.as_tensor(dataset.labels).numpy().tobytes())
    for index in range(0, len(dataset), max(1, len(dataset) // 50)):
        digest.update(dataset.images[index].contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def save(run: Run, file: Path) -> None:
    """Save the run, completely or not at all. If the cache cannot be written, a warning is given and training goes on."""
    state = {part: getattr(run, part) for part in _SAVED_FIELDS}
    state |= {"model": run.model.state_dict(), "optimizer": run.optimizer.state_dict()}
    stream = io.BytesIO()
    torch.save(state, stream)
    data = stream.getvalue()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, hashlib.sha256(data).digest() + data)
    except OSError as problem:
        warnings.warn(
            f"no checkpoint after epoch {run.epoch} ({problem}); if the training stops, it cannot go on from here."
            " CNNLAB_CACHE names another cache folder.",
            stacklevel=2,
        )


def restore(run: Run, file: Path) -> bool:
    """Restore the run from its checkpoint; False if there is none, or if it is damaged (with a warning)."""
    try:
        stored = file.read_bytes()
    except OSError:
        return False
    digest, data = stored[:32], stored[32:]
    if hashlib.sha256(data).digest() != digest:
        warnings.warn(
            f"the checkpoint {file} is damaged; the training starts from the beginning.", stacklevel=2
        )
        return False
    device = next(run.model.parameters()).device
    state = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    for part in _SAVED_FIELDS:
        setattr(run, part, state[part])
    return True
