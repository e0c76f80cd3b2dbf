"""Rows of the gradebook are renamed, merged and removed, decisions along with results, and the log says what they held."""

from __future__ import annotations

import time

from cnnlab._validation import one_of
from cnnlab.grading.gradebook import Gradebook, GradebookError
from cnnlab.grading.gradebook_tables import OF_A_RESULT

LOG = "create table if not exists changes (at real not null, what text not null)"
DROPPED = (  # decisions that cannot move: the other has decided answers of their own there
    "student = :old and (:new is null or exists (select 1 from decisions own where own.student = :new"
    " and own.assignment = decisions.assignment and own.question = decisions.question))"
)
TABLES = "select m.name from sqlite_master m, pragma_table_info(m.name) p where m.type = 'table' and p.name = 'student'"


def rename(book: Gradebook, old: str, new: str) -> str:
    """Give all that is in the book for the student `old` to `new`; returns the line of the log.

    Raises
    ------
    GradebookError
        If both have a result for one assignment, which `merge` is for.
    ValueError
        If `old` has no row.
    """
    if both := sorted(_assignments(book, old) & _assignments(book, new)):
        raise GradebookError(
            f"{old} and {new} both have a result for {', '.join(both)}; `cnnlab gradebook merge` keeps that of {new}."
        )
    return _move(book, old, new, f"{old} is now {new}")


def merge(book: Gradebook, old: str, into: str) -> str:
    """Give what is in the book for `old` to `into`, who keeps their own where both have one; returns the line of the log.

    So it is with results, and with the decisions on each question. A decision that comes to an answer which it was not given for says so.

    Raises
    ------
    ValueError
        If `old` has no row, or both are the same student.
    """
    return _move(book, old, into, f"{old} is merged into {into}")


def remove(book: Gradebook, student: str) -> str:
    """Take a student out of the book; returns the line of the log.

    Raises
    ------
    ValueError
        If the student has no row.
    """
    return _move(book, student, None, f"{student} is removed")


def log(book: Gradebook) -> list[tuple[float, str]]:
    """What was renamed, merged and removed: seconds since 1970, and a sentence with the points that were in the rows."""
    with book.changing() as connection:
        connection.execute(LOG)
        return connection.execute("select at, what from changes order by rowid").fetchall()


def _move(book: Gradebook, old: str, new: str | None, what: str) -> str:
    """Give every row of `old`, in whichever table, to `new` (None: to nobody), and log it, all in one transaction."""
    with book.changing() as connection:
        rows = connection.execute("select distinct student from submissions order by student")
        everybody = [row[0] for row in rows]
    one_of(old, everybody, "student")
    if old == new:
        raise ValueError(f"{old} is the same student twice.")
    for assignment in sorted(_assignments(book, old)):
        for student in (old, new):
            if student in book.students(assignment):
                result = book.result(assignment, student)
                what += f"; {assignment}: {student} had {result.points:g} points ({result.status})"
    with book.changing() as connection:
        which = {"old": old, "new": new}
        marks = (
            f"select assignment, question, points, marker from decisions where {DROPPED} and kind = 'marked'"
        )
        for assignment, question, points, marker in connection.execute(f"{marks} order by number", which):
            what += f"; {assignment}, {question}: {points:g} points by {marker} for {old} are dropped"
        connection.execute(f"delete from decisions where {DROPPED}", which)
        for table in OF_A_RESULT:  # moved whole, or not at all
            own = "select assignment from submissions where student = ?"
            connection.execute(f"delete from {table} where student = ? and assignment in ({own})", (old, new))
        for (table,) in connection.execute(TABLES).fetchall():
            if new is not None:
                connection.execute(f"update or ignore {table} set student = ? where student = ?", (new, old))
            connection.execute(f"delete from {table} where student = ?", (old,))
        connection.execute(LOG)
        connection.execute("insert into changes values (?, ?)", (time.time(), what))
    return what


def _assignments(book: Gradebook, student: str) -> set[str]:
    with book.changing() as connection:
        return {
            row[0]
            for row in connection.execute("select assignment from submissions where student = ?", (student,))
        }
