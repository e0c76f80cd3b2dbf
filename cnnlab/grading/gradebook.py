"""The gradebook: every result is written at once, so the grader may be killed at any moment and continues where it stopped.

One SQLite file. A submission is one transaction: it is in the gradebook as a whole, or not at all. The secret of the course, from which the
inputs of the probes are drawn, is made with the gradebook and stored in it.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnlab.grading.scoring import CaseResult, QuestionResult, Result

VERSION = 1
APPLICATION_ID = 0x636E6E67  # "cnng", so that another program's database is not taken for a gradebook
LOCK_TIMEOUT = 15.0  # seconds to wait for another process's lock

TABLES = """
create table facts (name text primary key, value text not null);
create table submissions (
    assignment text, student text, fingerprint text not null, status text not null, note text, notes text, walls text, printed text,
    digest text, submitted real, graded real, seconds real, primary key (assignment, student)
);
create table questions (
    assignment text, student text, place integer, question text, status text not null, points real, out_of real, notes text, review text,
    code text, printed text, primary key (assignment, student, question)
);
create table cases (
    assignment text, student text, question text, place integer, name text, points real, out_of real, hint text, picture blob,
    primary key (assignment, student, question, place)
);
"""


class GradebookError(RuntimeError):
    """The gradebook cannot be used; nothing in it was changed."""


class Gradebook:
    """The gradebook at `path`, created if it does not exist; use it in a `with` block. It may be written from any thread.

    Raises
    ------
    GradebookError
        If the file is not a gradebook, has another version, is locked by another program, or the disk is full.
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
            self._connection = sqlite3.connect(
                path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.execute("pragma synchronous = full")
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        kind, version = (
            self._connection.execute(f"pragma {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        empty = not self._connection.execute("select count(*) from sqlite_master").fetchone()[0]
        if not empty and kind != APPLICATION_ID:
            raise GradebookError(
                f"{self.path} is a database, but no gradebook of cnnlab; choose another file."
            )
        if not empty and version != VERSION:
            raise GradebookError(
                f"{self.path} is a gradebook of version {version}, this cnnlab writes version {VERSION}; keep it, and name a new file."
            )
        if empty:
            with self._transaction():
                for statement in TABLES.split(";\n"):
                    self._connection.execute(statement)
                self._connection.execute("insert into facts values ('secret', ?)", (secrets.token_hex(32),))
                self._connection.execute(f"pragma application_id = {APPLICATION_ID}")
                self._connection.execute(f"pragma user_version = {VERSION}")
            self.path.chmod(0o600)

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
            for table in ("submissions", "questions", "cases"):
                self._connection.execute(f"delete from {table} where assignment = ? and student = ?", key)
            row = (
                *key,
                fingerprint,
                result.status,
                result.note,
                json.dumps(result.notes),
                result.sandbox,
                result.text,
            )
            row += (result.digest, result.submitted, time.time(), result.seconds)
            self._connection.execute(f"insert into submissions values ({_placeholders(row)})", row)
            for position, graded in enumerate(result.questions):
                row = (
                    *key,
                    position,
                    graded.question,
                    graded.status,
                    graded.points,
                    graded.out_of,
                    json.dumps(graded.notes),
                )
                row += (json.dumps(graded.review), graded.code, graded.text)
                self._connection.execute(f"insert into questions values ({_placeholders(row)})", row)
                for number, case in enumerate(graded.cases):
                    row = (
                        *key,
                        graded.question,
                        number,
                        case.name,
                        case.points,
                        case.out_of,
                        case.hint,
                        case.picture,
                    )
                    self._connection.execute(f"insert into cases values ({_placeholders(row)})", row)

    def students(self, assignment: str) -> list[str]:
        """The students with a result for this assignment, in order."""
        return [
            row[0]
            for row in self._fetch_all(
                "select student from submissions where assignment = ? order by student", assignment
            )
        ]

    def latest(self, assignment: str) -> list[str]:
        """The students with a result for this assignment, the one graded last in front."""
        rows = self._fetch_all(
            "select student from submissions where assignment = ? order by graded desc", assignment
        )
        return [row[0] for row in rows]

    def statuses(self, assignment: str) -> dict[str, int]:
        """How many submissions have each status."""
        return dict(
            self._fetch_all(
                "select status, count(*) from submissions where assignment = ? group by status", assignment
            )
        )

    def results(self, assignment: str) -> Iterator[Result]:
        """All results of an assignment, in the order of the students."""
        for student in self.students(assignment):
            yield self.result(assignment, student)

    def result(self, assignment: str, student: str) -> Result:
        """The result of one student.

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
                self._cases(assignment, student, columns[0]),
                _lines(columns[4]),
                _lines(columns[5]),
                *columns[6:],
            )
            for columns in self._fetch_all(
                "select question, status, points, out_of, notes, review, code, printed from questions"
                " where assignment = ? and student = ? order by place",
                assignment,
                student,
            )
        )
        return Result(
            student, status, questions, note, sandbox, text, digest, submitted, seconds, _lines(notes)
        )

    def _cases(self, assignment: str, student: str, question: str) -> tuple[CaseResult, ...]:
        rows = self._fetch_all(
            "select name, points, out_of, hint, picture from cases where assignment = ? and student = ? and question = ? order by place",
            assignment,
            student,
            question,
        )
        return tuple(CaseResult(*row) for row in rows)

    @contextmanager
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

    def _fetch_one(self, statement: str, *values: object) -> tuple | None:
        with self._translate_errors(), self._lock:
            return self._connection.execute(statement, values).fetchone()

    def _fetch_all(self, statement: str, *values: object) -> list[tuple]:
        with self._translate_errors(), self._lock:
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise

    @contextmanager
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
