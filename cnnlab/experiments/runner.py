"""Running an experiment, cell by cell; what is found is kept, so that an interrupted run goes on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from cnnlab.experiments import records
from cnnlab.experiments.experiment import Experiment
from cnnlab.experiments.records import Record
from cnnlab.experiments.registry import EXPERIMENTS
from cnnlab.inputs import one_of
from cnnlab.world import cache

OnRow = Callable[[list[dict[str, Any]]], None]


def run(
    name: str,
    *,
    quick: bool = False,
    out: str | os.PathLike | None = None,
    progress: bool = True,
    on_row: OnRow | None = None,
) -> Record:
    """Runs an experiment.

    Parameters
    ----------
    name
        Of an experiment, see `EXPERIMENTS`.
    quick
        The version that runs live in a notebook. It is not kept: it starts anew each time.
    out
        A file for the record, as JSON; none unless said.
    progress
        Show a bar.
    on_row
        Called with all rows so far after each cell, to draw along.

    Returns
    -------
    Record

    Raises
    ------
    ValueError
        If there is no experiment of that name.
    KeyboardInterrupt
        If it is interrupted; a full run keeps the cells that are done, and the same call goes on behind them.

    Example
    -------
    >>> run("random_labels", quick=True).rows  # doctest: +SKIP
    """
    experiment = EXPERIMENTS[one_of(name, EXPERIMENTS, "experiment")]
    recipe = experiment.recipe(quick)
    kept = None if quick else _kept(name, recipe)
    done: list[dict[str, Any]] = _read(kept)
    for cell in (
        bar := tqdm(experiment.cells(quick), desc=name, unit="cell", disable=None if progress else True)
    ):
        if any(row["cell"] == cell for row in done):
            continue
        bar.set_postfix(cell, refresh=False)
        done.append(_measured(experiment, cell, recipe["options"]))
        if kept is not None:
            _write(kept, done)
        if on_row is not None:
            on_row([{**row["cell"], **row["found"]} for row in done])
    record = Record(
        name=name,
        question=experiment.question,
        quick=quick,
        recipe=recipe,
        rows=[{**row["cell"], **row["found"]} for row in done],
        seconds=round(sum(row["seconds"] for row in done), 1),
        machine=_machine(),
    )
    if out is not None:
        records.write(record, Path(out))
    if kept is not None:
        with suppress(OSError):  # there is none if the cache cannot be written
            kept.unlink()
    return record


def _measured(experiment: Experiment, cell: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    found = dict(experiment.measure(**cell, **options))
    return {"cell": dict(cell), "found": found, "seconds": time.perf_counter() - began}


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count() or 1,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _kept(name: str, recipe: Mapping[str, Any]) -> Path:
    """The file of an unfinished run: another recipe is another file."""
    mark = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
    return cache.folder() / "experiments" / f"{name}-{mark}.json"


def _read(kept: Path | None) -> list[dict[str, Any]]:
    if kept is None or not kept.exists():
        return []
    return json.loads(kept.read_text(encoding="utf-8"))


def _write(kept: Path, rows: list[dict[str, Any]]) -> None:
    with suppress(OSError):  # a run without a cache runs; it only cannot go on after an interruption
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_suffix(".new")
        new.write_text(json.dumps(rows), encoding="utf-8")
        new.replace(kept)
