"""The gradebook: every result is written at once, so the grader may be killed at any moment and continues where it stopped.

One SQLite file. A submission is one transaction: it is in the gradebook as a whole, or not at all. The secret of the course, from which the
inputs of the probes are drawn, is made with the gradebook and stored in it. What people decide is added and never removed, and
the results that the gradebook gives out have these decisions in them. An older gradebook is brought to the present version as it is opened.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, astuple, fields, replace
from pathlib import Path
from typing import Any

from cnnlab.grading.decisions import Decision, effective
from cnnlab.grading.gradebook_tables import APPLICATION_ID, MIGRATIONS, OF_A_RESULT, TABLES, VERSION
from cnnlab.grading.scoring import CaseResult, QuestionResult, Result
from cnnlab.grading.written import Exhibit

LOCK_TIMEOUT = 15.0  # seconds to wait for another process's lock
DECISION = "student, question, kind, points, criteria, comments, reason, second_look, marker, digest, time, number, seen, unseen"


class GradebookError(RuntimeError):
    """The gradebook cannot be used; nothing in it was changed."""


class Gradebook:
    """The gradebook at `path`, created if it does not exist; use it in a `with` block. It may be written from any thread.

    Raises
    ------
    GradebookError
        If the file is not a gradebook, has a newer version, is locked by another program, or the disk is full.
    FileNotFoundError
        If the file must exist (`create=False`) and does not.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path, self._lock = Path(path), threading.Lock()
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {self.path.parent} for the gradebook.")
        if not create and not self.path.is_file():
            raise FileNotFoundError(f"there is no gradebook at {path}; `cnnlab grade --new` makes one.")
        with self._translate_errors():
            if not self.path.exists():
                self._make()
            self._connection = sqlite3.connect(
                path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.execute("pragma synchronous = full")
                self._check_kind()
            except BaseException:
                self._connection.close()
                raise

    def _make(self) -> None:
        """Make the gradebook beside its place, and put it there complete; another grader's, made meanwhile, is kept."""
        number, name = tempfile.mkstemp(prefix=".gradebook-", dir=self.path.parent)  # its owner's alone
        os.close(number)
        new = Path(name)
        try:
            with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as connection:
                connection.execute("pragma synchronous = full")
                connection.executescript(f"begin; {TABLES} {''.join(MIGRATIONS)} commit;")
                connection.execute("insert into facts values ('secret', ?)", (secrets.token_hex(32),))
                connection.execute(f"pragma application_id = {APPLICATION_ID}")
                connection.execute(f"pragma user_version = {VERSION}")
            try:
                os.link(new, self.path)
            except FileExistsError:
                pass
            except OSError:  # a file system without hard links
                os.replace(new, self.path)
        finally:
            new.unlink(missing_ok=True)

    def _check_kind(self) -> None:
        kind, version = self._pragma("application_id"), self._pragma("user_version")
        if not self._connection.execute("select count(*) from sqlite_master").fetchone()[0]:
            raise GradebookError(
                f"the gradebook {self.path} is empty, and none is ever made so: it has lost its grades and its secret;"
                " bring it back from a copy, or remove it and grade everything anew."
            )
        if kind != APPLICATION_ID:
            raise GradebookError(
                f"{self.path} is a database, but no gradebook of cnnlab; choose another file."
            )
        if not 0 < version <= VERSION:
            raise GradebookError(
                f"{self.path} is a gradebook of version {version}, and this cnnlab knows those up to version {VERSION}:"
                " use the cnnlab that wrote it, or name a new file."
            )
        if version < VERSION:
            self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        """Make the tables that an older gradebook lacks: all of them, or none."""
        with self._transaction():
            version = self._pragma("user_version")  # as another process left it
            for statements in MIGRATIONS[version - 1 :]:
                for statement in filter(str.strip, statements.split(";\n")):
                    self._connection.execute(statement)
            self._connection.execute(f"pragma user_version = {VERSION}")

    def _pragma(self, name: str) -> int:
        return self._connection.execute(f"pragma {name}").fetchone()[0]

    @property
    def secret(self) -> bytes:
        """The secret from which the inputs of the probes are drawn."""
        return bytes.fromhex(self._fetch_one("select value from facts where name = 'secret'")[0])

    def is_graded(self, assignment: str, student: str, fingerprint: str) -> bool:
        """Whether this version of a submission is graded; one that met an error of the grader is not."""
        row = self._fetch_one(
            "select fingerprint, status from submissions where assignment = ? and student = ?",
            assignment,
            student,
        )
        return row is not None and row[0] == fingerprint and row[1] != "grader error"

    def write(self, assignment: str, result: Result, fingerprint: str) -> None:
        """Write one result, replacing an older one of the same student."""
        key = (assignment, result.student)
        with self._translate_errors(), self._lock, self._transaction():
            for table in OF_A_RESULT:
                self._connection.execute(f"delete from {table} where assignment = ? and student = ?", key)
            told = (result.status, result.note, json.dumps(result.notes), result.sandbox, result.text)
            times = (result.submitted, time.time(), result.seconds)
            self._insert("submissions", *key, fingerprint, *told, result.digest, *times)
            for place, graded in enumerate(result.questions):
                points = (graded.status, graded.points, graded.out_of)
                lines = (json.dumps(graded.notes), json.dumps(graded.review))
                self._insert(
                    "questions", *key, place, graded.question, *points, *lines, graded.code, graded.text
                )
                for table, parts in (("cases", graded.cases), ("exhibits", graded.exhibits)):
                    for number, part in enumerate(parts):
                        self._insert(table, *key, graded.question, number, *astuple(part))

    def decide(self, assignment: str, decision: Decision) -> Decision:
        """Add a decision; gives it with its number, and with the marker of one that came between it and the latest known (`seen`)."""
        with self._translate_errors(), self._lock, self._transaction():
            latest = self._connection.execute(
                "select number, marker, kind, points from decisions where assignment = ? and student = ? and question = ?"
                " order by number desc limit 1",
                (assignment, decision.student, decision.question),
            ).fetchone()
            if latest and latest[0] != decision.seen and latest[2:] != (decision.kind, decision.points):
                decision = replace(decision, unseen=latest[1])
            lists = {name: json.dumps(getattr(decision, name)) for name in ("criteria", "comments")}
            row = asdict(decision) | lists | {"time": time.time(), "number": None}
            columns = DECISION.split(", ")
            number = self._connection.execute(
                f"insert into decisions (assignment, {DECISION}) values (?, {_placeholders(columns)})",
                (assignment, *(row[name] for name in columns)),
            ).lastrowid
        return replace(decision, number=number, time=row["time"])

    def decisions(self, assignment: str, *, after: int = 0, student: str | None = None) -> list[Decision]:
        """The decisions on an assignment in their order, those with a number above `after`, of one student or of all."""
        rows = self._fetch_all(
            f"select {DECISION} from decisions where assignment = ? and number > ? and student = coalesce(?, student)"
            " order by number",
            assignment,
            after,
            student,
        )
        made = ((*row[:4], _lines(row[4]), _lines(row[5]), row[6], bool(row[7]), *row[8:]) for row in rows)
        return [Decision(*columns) for columns in made]

    def students(self, assignment: str) -> list[str]:
        """The students with a result for this assignment, in order."""
        rows = self._fetch_all(
            "select student from submissions where assignment = ? order by student", assignment
        )
        return [row[0] for row in rows]

    def latest(self, assignment: str) -> list[str]:
        """The students with a result for this assignment, the one graded last in front."""
        rows = self._fetch_all(
            "select student from submissions where assignment = ? order by graded desc", assignment
        )
        return [row[0] for row in rows]

    def statuses(self, assignment: str) -> dict[str, int]:
        """How many submissions have each status."""
        counted = "select status, count(*) from submissions where assignment = ? group by status"
        return dict(self._fetch_all(counted, assignment))

    def results(self, assignment: str) -> Iterator[Result]:
        """All results of an assignment, in the order of the students."""
        for student in self.students(assignment):
            yield self.result(assignment, student)

    def result(self, assignment: str, student: str) -> Result:
        """The result of one student, with what people have decided.

        Raises
        ------
        KeyError
            If the student has no result for this assignment.
        """
        row = self._fetch_one(
            "select status, note, notes, walls, printed, digest, submitted, seconds from submissions"
            " where assignment = ? and student = ?",
            assignment,
            student,
        )
        if row is None:
            raise KeyError(f"{student} is not in the gradebook for {assignment}.")
        status, note, notes, sandbox, text, digest, submitted, seconds = row
        questions = tuple(
            QuestionResult(
                *columns[:4],
                self._of_question("cases", CaseResult, assignment, student, columns[0]),
                _lines(columns[4]),
                _lines(columns[5]),
                *columns[6:],
                self._of_question("exhibits", Exhibit, assignment, student, columns[0]),
            )
            for columns in self._fetch_all(
                "select question, status, points, out_of, notes, review, code, printed from questions"
                " where assignment = ? and student = ? order by place",
                assignment,
                student,
            )
        )
        result = Result(
            student, status, questions, note, sandbox, text, digest, submitted, seconds, _lines(notes)
        )
        decisions = self.decisions(assignment, student=student)
        return effective(result, {decision.question: decision for decision in decisions})

    def _of_question(self, table: str, make: Callable[..., Any], *key: str) -> tuple[Any, ...]:
        """What the table has for one question of one student, in its order."""
        columns = ", ".join(field.name for field in fields(make))
        where = "assignment = ? and student = ? and question = ?"
        rows = self._fetch_all(f"select {columns} from {table} where {where} order by place", *key)
        return tuple(make(*row) for row in rows)

    @contextlib.contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction over all tables, for what is no result: all of it is written, or nothing. The book itself waits for it."""
        with self._translate_errors(), self._lock, self._transaction():
            yield self._connection

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _insert(self, table: str, *row: object) -> None:
        self._connection.execute(f"insert into {table} values ({_placeholders(row)})", row)

    def _fetch_one(self, statement: str, *values: object) -> tuple | None:
        with self._translate_errors(), self._lock:
            return self._connection.execute(statement, values).fetchone()

    def _fetch_all(self, statement: str, *values: object) -> list[tuple]:
        with self._translate_errors(), self._lock:
            return self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise

    @contextlib.contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Translate SQLite's errors into `GradebookError` with a plain message."""
        try:
            yield
        except sqlite3.Error as error:
            message, advice = str(error), ""
            if "locked" in message:
                advice = "; another program has it open: close that, and run the same command again"
            elif "full" in message:
                advice = "; make room, and run the same command again: what was written is kept"
            elif "not a database" in message:
                advice = "; choose another file"
            raise GradebookError(f"the gradebook {self.path} cannot be used: {message}{advice}.") from None


def _placeholders(row: tuple) -> str:
    return ", ".join("?" * len(row))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text or "[]"))
