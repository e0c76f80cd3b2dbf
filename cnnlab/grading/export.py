"""Export of grades as tables for other systems: plain CSV, Canvas, Moodle, and Gradescope's results.

A cell that a spreadsheet could take for a formula is prefixed with an apostrophe. A submission that met an error of the grader has no
grade, rather than a zero.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cnnlab._validation import one_of
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.late import LatePolicy, lateness
from cnnlab.grading.scoring import Result
from cnnlab.grading.whole_files import write_whole

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
AFTER_SEPARATOR = re.compile("([;\t][ \"'\u00a0\u200b-\u200f]*)(?=[=+@|%\uff1d\uff0b\uff0d\uff20-])")
STATES = {"passed": "passed", "failed": "failed"}


def export(
    assignment: Assignment,
    results: Iterable[Result],
    format: str,
    path: Path,
    *,
    policy: LatePolicy | None = None,
    submission_times: dict[str, float] | None = None,
    free_days_spent: dict[str, int] | None = None,
) -> Path:
    """Write the grades in one of `FORMATS` to `path`: a table, or for gradescope a folder with one `results.json` a student.

    Raises
    ------
    ValueError
        If the format is not known.
    """
    make = FORMATS[one_of(format, FORMATS, "format")]
    rows = [_row(result, policy, submission_times or {}, free_days_spent or {}) for result in results]
    if format == "gradescope":
        for row in rows:
            folder = path / safe_name(row["student"])
            folder.mkdir(parents=True, exist_ok=True)
            content = json.dumps(gradescope(assignment, row), indent=1, ensure_ascii=False)
            write_whole(folder / "results.json", content)
        return path
    return write_whole(path, make(assignment, rows))


def plain_csv(assignment: Assignment, rows: list[dict[str, Any]]) -> str:
    """Plain CSV, a row for each student: points of each question, sum, status, lateness."""
    names = [question.name for question in assignment.every_question]
    head = [
        "student",
        "status",
        "points",
        "out_of",
        "late_days",
        "free_days",
        "final",
        *names,
        *(f"{n}_status" for n in names),
        "note",
    ]
    lines = []
    for row in rows:
        late, result = row["late"], row["result"]
        line = [row["student"], result.status, _number(row["points"]), _number(assignment.points)]
        line += [late.days if late else "", late.free if late else "", _number(row["final"])]
        line += [_number(item.points) for item in result.questions]
        lines.append([*line, *(item.status for item in result.questions), result.note])
    return table(head, lines)


def canvas(assignment: Assignment, rows: list[dict[str, Any]]) -> str:
    """Canvas CSV: the five required columns, the assignment, and the row of points possible."""
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment.name]
    possible = ["    Points Possible", "", "", "", "", _number(assignment.points)]
    return table(
        head,
        [possible, *([row["student"], "", "", row["student"], "", _number(row["final"])] for row in rows)],
    )


def moodle(assignment: Assignment, rows: list[dict[str, Any]]) -> str:
    """Moodle CSV for the grader report import: user name, grade and feedback text of each student."""
    head = ["username", assignment.name, "feedback"]
    return table(head, [[row["student"], _number(row["final"]), _in_words(row["result"])] for row in rows])


def gradescope(assignment: Assignment, row: dict[str, Any]) -> dict[str, Any]:
    """Gradescope autograder results: a test for each question."""
    result: Result = row["result"]
    tests = []
    for question, graded in zip(assignment.every_question, result.questions, strict=True):
        hints = [f"{case.name}: {case.hint}" for case in graded.cases if case.hint]
        hints += [*graded.decision.comments, graded.decision.reason] if graded.decision else []
        test = {
            "name": f"{graded.question}: {question.title}",
            "number": graded.question,
            "visibility": "visible",
        }
        test |= {
            "score": graded.points,
            "max_score": graded.out_of,
            "output": "\n".join([graded.status, *filter(None, hints), *graded.notes]),
        }
        if graded.status == "to be marked":
            del test["score"]
        tests.append(test | ({"status": STATES[graded.status]} if graded.status in STATES else {}))
    summary = {"output": result.note or result.status, "output_format": "text", "tests": tests}
    return summary if row["final"] is None else {"score": row["final"], **summary}


FORMATS: dict[str, Callable[..., Any]] = {
    "csv": plain_csv,
    "canvas": canvas,
    "moodle": moodle,
    "gradescope": gradescope,
}


def table(head: list[str], lines: list[list[Any]]) -> str:
    """A CSV table in which no cell is read as a formula, also where semicolons or tabs separate the cells."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(map(escape_formula, head))
    for line in lines:
        writer.writerow([escape_formula(cell) if isinstance(cell, str) else cell for cell in line])
    return written.getvalue()


def escape_formula(cell: str) -> str:
    """The cell with an apostrophe before what begins like a formula, also after blanks, a semicolon, invisible or in full width."""
    cell = AFTER_SEPARATOR.sub(r"\1'", cell)
    visible = (letter for letter in cell if unicodedata.category(letter) != "Cf")
    begins = unicodedata.normalize("NFKC", "".join(visible)).lstrip(" ")
    return f"'{cell}" if begins.startswith(FORMULA) or cell.startswith(FORMULA) else cell


def safe_name(student: str) -> str:
    """A file name of at most 150 bytes for any student's name; different names stay different, the ends of long ones are hashed."""
    safe = "".join(
        letter if letter.isalnum() or letter in " ._-" else f"%{ord(letter):x}" for letter in student
    )
    safe = safe.strip(" ") or "%"
    safe = f"%{safe}" if safe.startswith((".", "-")) else safe
    if len(safe.encode()) <= 150:
        return safe
    return (
        f"{safe.encode()[:130].decode(errors='ignore')}%{hashlib.sha256(student.encode()).hexdigest()[:16]}"
    )


def _row(
    result: Result,
    policy: LatePolicy | None,
    submission_times: dict[str, float],
    free_days_spent: dict[str, int],
) -> dict[str, Any]:
    late, final = None, None if result.status == "grader error" else result.points
    if policy is not None:
        submitted = submission_times.get(result.student, result.submitted)
        late = lateness(policy, submitted, free_days_spent=free_days_spent.get(result.student, 0))
        final = None if final is None else final * late.factor
    points = None if result.status == "grader error" else result.points
    return {"student": result.student, "points": points, "final": final, "late": late, "result": result}


def _number(value: float | None) -> float | int | str:
    if value is None:
        return ""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def _in_words(result: Result) -> str:
    parts = [f"{item.question} {item.points:g}/{item.out_of:g} {item.status}" for item in result.questions]
    return "; ".join([*parts, *([result.note] if result.note else [])])
