"""The report on the shipped networks: every row, one after another."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm.auto import tqdm

from cnnlab._validation import one_of
from cnnlab.experiments.zoo_report import (
    classification_rows,
    feature_rows,
    robustness_rows,
    segmentation_rows,
)
from cnnlab.experiments.zoo_report.rows import ReportRow
from cnnlab.networks import weight_files

REPORT_FILE = weight_files.FOLDER / "report.json"

ROWS: dict[str, Callable[[], ReportRow]] = {
    "accuracy": classification_rows.four_architectures,
    "confidence": classification_rows.confidence,
    "filters": feature_rows.first_layer,
    "dead filters": feature_rows.dead_filters,
    "pointing": feature_rows.pointing,
    "bridge": feature_rows.bridge,
    "neighbours": feature_rows.neighbours,
    "detectors": feature_rows.detectors,
    "adversarial": robustness_rows.adversarial,
    "prototypes": robustness_rows.prototypes,
    "shortcuts": robustness_rows.shortcuts,
    "shape bias": robustness_rows.shape_bias,
    "random labels": classification_rows.random_labels,
    "masks": segmentation_rows.masks,
}
"""The functions of the rows by a short name, in the order of the notebooks."""


def report(rows: Sequence[str] | None = None, progress: bool = True) -> dict[str, ReportRow]:
    """Compute the rows (by default all) from the shipped weights and pictures of the validation split.

    Raises
    ------
    ValueError
        If a row is unknown.
    FileNotFoundError
        If a network that a row needs is missing; the message says how to train it.
    """
    names = list(ROWS) if rows is None else [one_of(name, ROWS, "row") for name in rows]
    rows_by_name = {}
    for name in (bar := tqdm(names, desc="zoo report", disable=None if progress else True)):
        bar.set_postfix_str(name)
        rows_by_name[name] = ROWS[name]()
    return rows_by_name


def write(rows: Mapping[str, ReportRow], file: str | os.PathLike) -> None:
    """Write the rows as JSON, with the fingerprints of the measured weights."""
    content = {"weights": fingerprints(), "rows": {name: asdict(row) for name, row in rows.items()}}
    Path(file).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def stored_rows() -> dict[str, ReportRow]:
    """The rows stored beside the weights, without a new computation.

    Raises
    ------
    ValueError
        If they were measured on other weights than the present ones.
    """
    content = json.loads(REPORT_FILE.read_text(encoding="utf-8"))
    current = fingerprints()
    changed = [name for name in current if content["weights"].get(name) != current[name]]
    if changed:
        raise ValueError(
            f"the stored report knows other weights of {', '.join(changed)}: `cnnlab zoo report --out {REPORT_FILE.name}`"
            " beside the weights measures these."
        )
    return {name: ReportRow(**row) for name, row in content["rows"].items()}


def fingerprints() -> dict[str, str]:
    """Fingerprints of the weights of all shipped networks."""
    return {name: weight_files.card(name)["sha256"] for name in sorted(weight_files.shipped())}


def report_lines(rows: Iterable[ReportRow]) -> list[str]:
    """The rows as text: whether each holds, its values, its criterion."""
    text_lines = []
    for row in rows:
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in row.values.items())
        text_lines.append(
            f"{'holds' if row.passed else 'FAILS':6} {row.phenomenon}: {numbers}  ({row.criterion})"
        )
    return text_lines
