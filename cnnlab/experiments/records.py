"""Records of experiments: the measured rows, with recipe, machine and duration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnnlab._validation import one_of

FOLDER = Path(__file__).with_name("records")


@dataclass(frozen=True)
class Record:
    """Record of one run.

    Attributes
    ----------
    name, question
        Name and question of the experiment.
    quick
        Whether it was the quick version.
    recipe
        Grid and options, see `Experiment.recipe`.
    rows
        One flat mapping for each cell: the cell's grid values and its results.
    seconds
        Duration of all cells together.
    machine
        `cores`, `device` and the versions of torch and Python.
    """

    name: str
    question: str
    quick: bool
    recipe: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    seconds: float
    machine: Mapping[str, Any]

    def column(self, name: str, **where: Any) -> list[Any]:
        """The values called `name` in the rows that match `where`, in the order of the rows.

        Raises
        ------
        KeyError
            If no row has that name.
        """
        columns = [key for row in self.rows for key in row]
        _check_names([name, *where], list(dict.fromkeys(columns)))
        chosen = [row for row in self.rows if all(row.get(key) == value for key, value in where.items())]
        return [row[name] for row in chosen if name in row]

    def summary(self) -> str:
        """One line that describes the run."""
        kind = "quick run" if self.quick else "full run"
        minutes = self.seconds / 60
        duration = f"{self.seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min"
        cores = self.machine["cores"]
        # Notebooks use the word cell for something else.
        settings = f"{len(self.rows)} {'setting' if len(self.rows) == 1 else 'settings'}"
        return f"{self.name}, {kind}: {settings}, {duration} on {cores} cores ({self.machine['device']})"


def _check_names(names: Sequence[str], columns: Sequence[str]) -> None:
    for name in names:
        if name not in columns:
            raise KeyError(f"there is no column {name!r}; there are {', '.join(map(str, columns))}.")


def recorded_names() -> list[str]:
    """The names of the experiments whose full runs are recorded."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def load_record(name: str) -> Record:
    """Load the recorded full run of an experiment that ships with the kit.

    Raises
    ------
    ValueError
        If there is no record of that name; the message lists the existing ones.

    Example
    -------
    >>> load_record("random_labels").summary()  # doctest: +SKIP
    """
    one_of(name, recorded_names(), "record")
    return read(FOLDER / f"{name}.json")


def read(file: Path) -> Record:
    return Record(**json.loads(file.read_text(encoding="utf-8")))


def write(record: Record, file: Path) -> None:
    """Write the record as JSON, one row per line, so that versions can be compared line by line."""
    header = asdict(record)
    rows = header.pop("rows")
    head = json.dumps(header, indent=2)[:-2]
    lines = ",\n".join("    " + json.dumps(row) for row in rows)
    file.write_text(f'{head},\n  "rows": [\n{lines}\n  ]\n}}\n', encoding="utf-8")
