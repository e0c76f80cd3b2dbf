"""Runs an experiment cell by cell and stores the results, so that an interrupted run continues."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from cnnlab._validation import one_of
from cnnlab.experiments import records
from cnnlab.experiments.experiment import Experiment
from cnnlab.experiments.records import Record
from cnnlab.experiments.registry import EXPERIMENTS
from cnnlab.world import cache

OnRow = Callable[[list[dict[str, Any]]], None]


def run(
    name: str,
    *,
    quick: bool = False,
    settings: Mapping[str, str] | None = None,
    out: str | os.PathLike | None = None,
    add: bool = False,
    progress: bool = True,
    on_row: OnRow | None = None,
) -> Record:
    """Run an experiment.

    Parameters
    ----------
    name
        Name of an experiment, see `EXPERIMENTS`.
    quick
        Run the quick version, which runs live in a notebook. It is not stored and starts from the beginning each time.
    settings
        Other values for axes of its grid or for its options, see `Experiment.changed`.
    out
        A file for the record, as JSON; none by default.
    add
        Keep the rows of the record that is in `out` already, and measure only the cells that it lacks: a network that has joined the
        grid, say. Its seconds count, too.
    progress
        Show a progress bar.
    on_row
        Called with all rows so far after each cell, for live plots.

    Returns
    -------
    Record

    Raises
    ------
    ValueError
        If there is no experiment of that name, or no such setting; if the record to add to was made with other options, or has cells
        outside the grid.
    KeyboardInterrupt
        If it is interrupted; a full run keeps the finished cells, and the same call continues after them.

    Example
    -------
    >>> run("random_labels", quick=True).rows  # doctest: +SKIP
    """
    experiment = EXPERIMENTS[one_of(name, EXPERIMENTS, "experiment")].changed(settings or {})
    recipe = experiment.recipe(quick)
    checkpoint = None if quick else _checkpoint_path(name, recipe)
    cells, finished = experiment.cells(quick), _read(checkpoint)
    if add:
        finished += [row for row in _recorded(out, recipe, cells) if row["cell"] not in _cells(finished)]
    for cell in (bar := tqdm(cells, desc=name, unit="cell", disable=None if progress else True)):
        if cell in _cells(finished):
            continue
        bar.set_postfix(cell, refresh=False)
        finished.append(_measure_cell(experiment, cell, recipe["options"]))
        if checkpoint is not None:
            _write(checkpoint, finished)
        if on_row is not None:
            on_row([{**row["cell"], **row["metrics"]} for row in finished])
    finished.sort(key=lambda row: cells.index(row["cell"]))
    record = Record(
        name=name,
        question=experiment.question,
        quick=quick,
        recipe=recipe,
        rows=[{**row["cell"], **row["metrics"]} for row in finished],
        seconds=round(sum(row["seconds"] for row in finished), 1),
        machine=_machine(),
    )
    if out is not None:
        records.write(record, Path(out))
    if checkpoint is not None:
        with suppress(OSError):  # there is none if the cache cannot be written
            checkpoint.unlink()
    return record


def _measure_cell(
    experiment: Experiment, cell: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    start = time.perf_counter()
    metrics = dict(experiment.measure(**cell, **options))
    return {"cell": dict(cell), "metrics": metrics, "seconds": time.perf_counter() - start}


def _cells(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [row["cell"] for row in rows]


def _recorded(
    file: str | os.PathLike | None, recipe: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The rows of the record in a file, each with its share of the seconds; a ValueError if they are no part of this recipe."""
    if file is None:
        raise ValueError("add=True adds to a record; give its file as `out`.")
    record = records.read(Path(file))
    if record.recipe["options"] != recipe["options"]:
        raise ValueError(
            f"{file} was made with the options {record.recipe['options']}, and this run has {recipe['options']};"
            " run it without `add`, which measures every cell anew."
        )
    rows = []
    for row in record.rows:
        cell = {axis: row[axis] for axis in recipe["grid"]}
        if cell not in cells:
            raise ValueError(f"{file} has a row for {cell}, which is outside the grid of this run.")
        metrics = {name: value for name, value in row.items() if name not in cell}
        rows.append({"cell": cell, "metrics": metrics, "seconds": record.seconds / len(record.rows)})
    return rows


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count() or 1,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _checkpoint_path(name: str, recipe: Mapping[str, Any]) -> Path:
    """The checkpoint file of an unfinished run; each recipe has its own."""
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
    return cache.folder() / "experiments" / f"{name}-{digest}.json"


def _read(checkpoint: Path | None) -> list[dict[str, Any]]:
    if checkpoint is None or not checkpoint.exists():
        return []
    return json.loads(checkpoint.read_text(encoding="utf-8"))


def _write(checkpoint: Path, rows: list[dict[str, Any]]) -> None:
    with suppress(OSError):  # without a cache the run works, but cannot continue after an interruption
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        new = checkpoint.with_suffix(".new")
        new.write_text(json.dumps(rows), encoding="utf-8")
        new.replace(checkpoint)
