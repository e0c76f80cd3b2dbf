"""The report on the zoo: every row, one after another."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm.auto import tqdm

from cnnlab.inputs import one_of
from cnnlab.judging import breaking, dense, naming, seeing
from cnnlab.judging.rows import Row
from cnnlab.networks import weights

STORED = weights.FOLDER / "report.json"

ROWS: dict[str, Callable[[], Row]] = {
    "accuracy": naming.four_architectures,
    "confidence": naming.confidence,
    "filters": seeing.first_layer,
    "dead filters": seeing.dead_filters,
    "pointing": seeing.pointing,
    "bridge": seeing.bridge,
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


def write(rows: Mapping[str, Row], file: str | os.PathLike) -> None:
    """Writes the rows as JSON, and with them which weights were measured."""
    kept = {"weights": fingerprints(), "rows": {name: asdict(row) for name, row in rows.items()}}
    Path(file).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def stored() -> dict[str, Row]:
    """The rows as they are kept beside the weights, without computing them anew.

    Raises
    ------
    ValueError
        If they were measured on other weights than those that lie there.
    """
    kept = json.loads(STORED.read_text(encoding="utf-8"))
    here = fingerprints()
    changed = [name for name in here if kept["weights"].get(name) != here[name]]
    if changed:
        raise ValueError(
            f"the stored report knows other weights of {', '.join(changed)}: `cnnlab zoo report --out {STORED.name}`"
            " beside the weights measures these."
        )
    return {name: Row(**row) for name, row in kept["rows"].items()}


def fingerprints() -> dict[str, str]:
    """What tells the weights of a network from others, for all shipped networks."""
    return {name: weights.card(name)["sha256"] for name in sorted(weights.shipped())}


def lines(rows: Iterable[Row]) -> list[str]:
    """The rows in words: whether each holds, its numbers, its bar."""
    told = []
    for row in rows:
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in row.found.items())
        told.append(f"{'holds' if row.holds else 'FAILS':6} {row.what}: {numbers}  ({row.bar})")
    return told
