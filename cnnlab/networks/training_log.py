"""What a training says: a line for each epoch, how to go on after an interruption, and the card of the network."""

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
from cnnlab.networks.plans import TrainingPlan
from cnnlab.networks.precision import multiplies_in

BLOCKS = "▁▂▃▄▅▆▇█"


def describe(run: Run, training: Any, result: Evaluation) -> dict[str, Any]:
    """The card, but for what the file itself tells."""
    plan = asdict(run.plan)
    data = {key: plan.pop(key) for key in ("task", "pictures", "validation", "data_seed", "options")}
    model = run.model
    device = next(model.parameters()).device
    trunk = {"trunk": imagenet.trunk_card(run.plan.trunk)} if run.plan.trunk else {}
    return {
        "name": run.name,
        "purpose": plan.pop("purpose"),
        "architecture": plan.pop("architecture"),
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
        "plan": plan,
        **trunk,
        "seed": run.seed,
        "seconds": round(run.seconds, 1),
        "threads": torch.get_num_threads(),
        "machine": {
            "cores": os.cpu_count(),
            "device": device.type,
            "products": str(multiplies_in(device)).removeprefix("torch."),
        },
        "history": run.history,
    }


def measure(plan: TrainingPlan) -> str:
    """What the accuracies of a training are called."""
    return "mean IoU" if plan.task == "mask" else "accuracy"


def tell(run: Run, bar: tqdm) -> None:
    loss, accuracy, tested = (values[-1] for values in run.history.values())
    left = run.seconds / run.epoch * (run.plan.epochs - run.epoch)
    line = (
        f"{run.name}, epoch {run.epoch} of {run.plan.epochs}: {curve(run.history['loss'])} loss {loss:.3f},"
        f" {measure(run.plan)} {accuracy:.1%}, validation {tested:.1%}, {int(left // 60)}:{int(left % 60):02} left"
    )
    if bar.disable:
        print(line, flush=True)
    else:
        bar.write(line)


def curve(values: Sequence[float], width: int = 20) -> str:
    """The last `width` numbers as blocks of eight heights, the largest of them the highest: a curve that fits into a line."""
    shown = list(values)[-width:]
    low, high = min(shown), max(shown)
    return "".join(BLOCKS[round((value - low) / (high - low or 1) * (len(BLOCKS) - 1))] for value in shown)


def how_to_go_on(run: Run, kept: Path) -> str:
    done = f"training of {run.name} stopped after {run.epoch} of {run.plan.epochs} epochs"
    if kept.exists():
        return f"{done}; the same command goes on from there (`cnnlab train {run.name}`)."
    return f"{done}; nothing is kept yet, so the same command starts from the beginning."
