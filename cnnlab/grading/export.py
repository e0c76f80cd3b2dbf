"""Export of grades as tables for other systems: plain CSV, Canvas, Moodle, and Gradescope's results.

A cell that a spreadsheet could take for a formula is prefixed with an apostrophe. A submission that met an error of the grader has no
grade, rather than a zero.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from cnnlab._validation import one_of
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.late import Lateness, LatePolicy, lateness
from cnnlab.grading.roster import NOT_HANDED_IN, Roster
from cnnlab.grading.sandbox.confinement import WITHOUT_WALLS
from cnnlab.grading.scoring import QuestionResult, Result
from cnnlab.grading.tables import read_table, table
from cnnlab.grading.whole_files import write_whole

REQUEST = "regrade_request"
UNSAFE = '/\\:"<>|?*%'  # for some system's file names, and the sign that stands for them
STATES = {"passed": "passed", "failed": "failed"}


def export(
    assignment: Assignment,
    results: Iterable[Result],
    format: str,
    path: Path,
    *,
    late: dict[str, Lateness] | None = None,
    roster: Roster | None = None,
) -> Path:
    """Write the grades in one of `FORMATS` to `path`: a table, or for gradescope a folder with one `results.json` a student.

    `late` is the lateness of each student (`class_lateness`), None for none; names and sections are those of the roster. What stands in
    the column `regrade_request` of a CSV table at `path` is kept.

    Raises
    ------
    ValueError
        If the format is not known, or the table at `path` cannot be read or has a request of a student who has no row now.
    """
    make = FORMATS[one_of(format, FORMATS, "format")]
    rows = [_row(result, late, roster) for result in results]
    if format == "csv" and path.is_file():
        _keep_requests(path, rows)
    if format == "gradescope":
        names = file_names(row["student"] for row in rows)
        for row in rows:
            if row["result"].status != NOT_HANDED_IN:
                folder = path / names[row["student"]]
                folder.mkdir(parents=True, exist_ok=True)
                content = json.dumps(gradescope(assignment, row), indent=1, ensure_ascii=False)
                write_whole(folder / "results.json", content)
        return path
    return write_whole(path, make(assignment, rows))


def class_lateness(
    assignment: Assignment,
    results: list[Result],
    policy: LatePolicy,
    roster: Roster | None = None,
    *,
    marked: Collection[str] = (),
) -> tuple[dict[str, Lateness], list[str]]:
    """The lateness of each student with their own extension and free days, and lines about those whose time is not known.

    `marked` are those whom the platform calls late.
    """
    late, untimed = {}, []
    for result in results:
        own = roster.policy(policy, assignment.name, result.student) if roster else policy
        late[result.student] = lateness(own, result.submitted)
        if not result.submitted and result.status != NOT_HANDED_IN:
            untimed.append(result.student)
    doubtful = [student for student in untimed if student in marked]
    lines = (
        [f"no time of handing in is known, so counted as in time: {', '.join(untimed)}"] if untimed else []
    )
    lines += [f"but the platform marks as late: {', '.join(doubtful)}"] if doubtful else []
    return late, lines


def plain_csv(assignment: Assignment, rows: list[dict[str, Any]]) -> str:
    """Plain CSV, a row for each student: points of each question, sum, status, lateness."""
    names = [question.name for question in assignment.every_question]
    head = [
        "student",
        "name",
        "section",
        "status",
        "points",
        "out_of",
        "late_days",
        "free_days",
        "final",
        *names,
        *(f"{n}_status" for n in names),
        "note",
        "walls",
        REQUEST,
    ]
    lines = []
    for row in rows:
        late, result = row["late"], row["result"]
        line = [
            row["student"],
            row["name"],
            row["section"],
            result.status,
            _number(row["points"]),
            _number(assignment.points),
        ]
        unknown = late and not result.submitted and result.status != NOT_HANDED_IN
        line += ["unknown" if unknown else late.days if late else "", late.free if late else ""]
        line += [_number(row["final"])]
        graded = {item.question: item for item in result.questions}
        line += [_number(_points(graded[name])) if name in graded else "" for name in names]
        line += [graded[name].status if name in graded else "" for name in names]
        lines.append([*line, result.note, walls(result), row["request"]])
    return table(head, lines)


def canvas(assignment: Assignment, rows: list[dict[str, Any]]) -> str:
    """Canvas CSV: the five required columns, the assignment, and the row of points possible."""
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment.name]
    possible = ["    Points Possible", "", "", "", "", _number(assignment.points)]
    return table(
        head,
        [
            possible,
            *(
                [row["name"] or row["student"], "", "", row["student"], row["section"], _number(row["final"])]
                for row in rows
            ),
        ],
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
        hints += _said_by_people(graded)
        test = {
            "name": f"{graded.question}: {question.title}",
            "number": graded.question,
            "visibility": "visible",
        }
        test |= {
            "max_score": graded.out_of,
            "output": "\n".join([graded.status, *hints, *graded.notes]),
        }
        points = _points(graded)
        test |= {} if points is None else {"score": points}
        tests.append(test | ({"status": STATES[graded.status]} if graded.status in STATES else {}))
    said = "; ".join([result.note or result.status, f"graded in: {walls(result)}"])
    summary = {"output": said, "output_format": "text", "tests": tests}
    return summary if row["final"] is None else {"score": row["final"], **summary}


FORMATS: dict[str, Callable[..., Any]] = {
    "csv": plain_csv,
    "canvas": canvas,
    "moodle": moodle,
    "gradescope": gradescope,
}


def file_names(students: Iterable[str]) -> dict[str, str]:
    """A file name for each student, as `safe_name`; those that differ in their case alone, which a file system may not see, get a hash."""
    names = {student: safe_name(student) for student in students}
    alike = Counter(_as_one(name) for name in names.values())
    return {
        student: f"{name}%{_short_hash(student)}" if alike[_as_one(name)] > 1 else name
        for student, name in names.items()
    }


def _as_one(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _short_hash(student: str) -> str:
    return hashlib.sha256(student.encode()).hexdigest()[:16]


def safe_name(student: str) -> str:
    """A file name of at most 150 bytes for any student's name; different names stay different, the ends of long ones are hashed."""
    safe = "".join(
        letter if letter.isprintable() and letter not in UNSAFE else f"%{ord(letter):x}" for letter in student
    )
    safe = safe.strip(" ") or "%"
    safe = f"%{safe}" if safe.startswith((".", "-")) else safe
    if len(safe.encode()) <= 150:
        return safe
    return f"{safe.encode()[:130].decode(errors='ignore')}%{_short_hash(student)}"


def walls(result: Result) -> str:
    """What stood around the student's code when it ran: the tier of the sandbox, or "without walls"; "nothing ran" if nothing did."""
    if result.sandbox.startswith(WITHOUT_WALLS):
        return WITHOUT_WALLS
    return result.sandbox or "nothing ran"


def walls_of_class(results: Iterable[Result]) -> str:
    """`walls` of a class with the counts; those whose code ran without are named."""
    counts = Counter(walls(result) for result in results if result.status != NOT_HANDED_IN)
    bare = [result.student for result in results if walls(result) == WITHOUT_WALLS]
    said = [
        f"{tier} ({', '.join(bare) if tier == WITHOUT_WALLS else count})"
        for tier, count in sorted(counts.items())
    ]
    return "; ".join(said) or "nothing"


def still_to_be_marked(results: Iterable[Result]) -> list[str]:
    """A line that names those with an answer that a person has yet to mark, whose points are not in; none if there is nobody."""
    waiting = [
        result.student for result in results if any(_points(graded) is None for graded in result.questions)
    ]
    return [f"still to be marked, and without those points: {', '.join(waiting)}"] if waiting else []


def _points(graded: QuestionResult) -> float | None:
    """The points of a question; None for an answer that nobody has marked, which is no zero."""
    return None if graded.status == "to be marked" else graded.points


def _said_by_people(graded: QuestionResult) -> list[str]:
    """The comments of a person, and the reason for other points than the computed ones."""
    decision = graded.decision
    return [said for said in (*decision.comments, decision.reason) if said] if decision else []


def _row(result: Result, late: dict[str, Lateness] | None, roster: Roster | None) -> dict[str, Any]:
    points = None if result.status in ("grader error", NOT_HANDED_IN) else result.points
    lateness = None if late is None else late[result.student]
    final = points if points is None or lateness is None else points * lateness.factor
    member = roster.member(result.student) if roster else None
    names = {"name": member.name if member else "", "section": member.section if member else ""}
    row = {"student": result.student, "points": points, "final": final, "late": lateness, "result": result}
    return row | names | {"request": ""}


def _keep_requests(path: Path, rows: list[dict[str, Any]]) -> None:
    """Take over the regrade requests of the table that is written anew."""
    by_student = {row["student"]: row for row in rows}
    _, lines = read_table(path, ["student"])
    for line, cells in lines:
        request, student = cells.get(REQUEST, ""), cells["student"]
        if request and student not in by_student:
            raise ValueError(
                f"{path}: line {line} has a {REQUEST} of {student}, who has no row now; name another --out."
            )
        if request:
            by_student[student]["request"] = request


def _number(value: float | None) -> float | int | str:
    if value is None:
        return ""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def _in_words(result: Result) -> str:
    parts = []
    for item in result.questions:
        points = _points(item)
        reached = f"{points:g}/{item.out_of:g} " if points is not None else ""
        parts.append(": ".join([f"{item.question} {reached}{item.status}", *_said_by_people(item)]))
    return "; ".join([*parts, *filter(None, [result.note]), f"graded in: {walls(result)}"])
