"""Training log: a line for each epoch, how to resume after an interruption, and the card of the network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from cnnlab.networks import checkpoints, imagenet
from cnnlab.networks.checkpoints import Run
from cnnlab.networks.evaluation import Evaluation
from cnnlab.networks.mixed_precision import compute_dtype
from cnnlab.networks.recipes import TrainingConfig

BLOCKS = "▁▂▃▄▅▆▇█"


def make_card(run: Run, training: Any, result: Evaluation) -> dict[str, Any]:
    """The card, without the entries that describe the file itself."""
    settings = asdict(run.config)
    data = {key: settings.pop(key) for key in ("task", "pictures", "validation", "data_seed", "options")}
    model = run.model
    device = next(model.parameters()).device
    trunk = {"trunk": imagenet.trunk_card(run.config.trunk)} if run.config.trunk else {}
    return {
        "name": run.name,
        "purpose": settings.pop("purpose"),
        "architecture": settings.pop("architecture"),
        "task": data["task"],
        "classes": list(model.class_names),
        "input_size": model.input_size,
        "accuracy": result.accuracy,
        "confidence_median": result.confidence_median,
        "calibration_error": result.calibration_error,
        "per_class": dict(zip(model.class_names, result.per_class.nan_to_num(0.0).tolist(), strict=True)),
        "data": {
            "split": "train",
            "tested_on": "validation",
            **data,
            "fingerprint": checkpoints.fingerprint(training),
        },
        "plan": settings,
        **trunk,
        "seed": run.seed,
        "seconds": round(run.seconds, 1),
        "threads": torch.get_num_threads(),
        "machine": {
            "cores": os.cpu_count(),
            "device": device.type,
            "products": str(compute_dtype(device)).removeprefix("torch."),
        },
        "history": run.history,
    }


def accuracy_name(config: TrainingConfig) -> str:
    """The name of the accuracy measure of a training."""
    return "mean IoU" if config.task == "mask" else "accuracy"


def log_epoch(run: Run, bar: tqdm) -> None:
    loss, accuracy, validation_accuracy = (values[-1] for values in run.history.values())
    seconds_left = run.seconds / run.epoch * (run.config.epochs - run.epoch)
    line = (
        f"{run.name}, epoch {run.epoch} of {run.config.epochs}: {sparkline(run.history['loss'])} loss {loss:.3f},"
        f" {accuracy_name(run.config)} {accuracy:.1%}, validation {validation_accuracy:.1%},"
        f" {int(seconds_left // 60)}:{int(seconds_left % 60):02} left"
    )
    if bar.disable:
        print(line, flush=True)
    else:
        bar.write(line)


def sparkline(values: Sequence[float], width: int = 20) -> str:
    """Sparkline: the last `width` numbers as blocks of eight heights, the largest of them the highest, in one line."""
    visible = list(values)[-width:]
    low, high = min(visible), max(visible)
    return "".join(BLOCKS[round((value - low) / (high - low or 1) * (len(BLOCKS) - 1))] for value in visible)


def resume_message(run: Run, checkpoint_file: Path) -> str:
    progress = f"training of {run.name} stopped after {run.epoch} of {run.config.epochs} epochs"
    if checkpoint_file.exists():
        return f"{progress}; the same command goes on from there (`cnnlab train {run.name}`)."
    return f"{progress}; nothing is kept yet, so the same command starts from the beginning."
