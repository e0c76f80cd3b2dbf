"""The report on the zoo: every row, one after another."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm.auto import tqdm

from cnnlab.inputs import one_of
from cnnlab.judging import breaking, dense, naming, seeing
from cnnlab.judging.rows import Row

ROWS: dict[str, Callable[[], Row]] = {
    "accuracy": naming.four_architectures,
    "confidence": naming.confidence,
    "filters": seeing.first_layer,
    "dead filters": seeing.dead_filters,
    "pointing": seeing.pointing,
    "neighbours": seeing.neighbours,
    "detectors": seeing.detectors,
    "adversarial": breaking.adversarial,
    "prototypes": breaking.prototypes,
    "shortcuts": breaking.shortcuts,
    "shape bias": breaking.shape_bias,
    "random labels": naming.random_labels,
    "masks": dense.masks,
}
"""The rows by a short name, in the order of the notebooks."""


def report(rows: Sequence[str] | None = None, progress: bool = True) -> dict[str, Row]:
    """Computes the rows (all unless said) from the shipped weights and pictures of the validation split.

    Raises
    ------
    ValueError
        If a row is not known.
    FileNotFoundError
        If a network that a row needs is not there; the message says how to train it.
    """
    names = list(ROWS) if rows is None else [one_of(name, ROWS, "row") for name in rows]
    found = {}
    for name in (bar := tqdm(names, desc="zoo report", disable=None if progress else True)):
        bar.set_postfix_str(name)
        found[name] = ROWS[name]()
    return found


def write(rows: dict[str, Row], file: str | os.PathLike) -> None:
    """Writes the rows as JSON."""
    text = json.dumps({name: asdict(row) for name, row in rows.items()}, indent=2)
    Path(file).write_text(text + "\n", encoding="utf-8")


def lines(rows: Iterable[Row]) -> list[str]:
    """The rows in words: whether each holds, its numbers, its bar."""
    told = []
    for row in rows:
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in row.found.items())
        told.append(f"{'holds' if row.holds else 'FAILS':6} {row.what}: {numbers}  ({row.bar})")
    return told
