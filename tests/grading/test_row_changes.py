"""Rows are renamed, merged and removed whole, decisions move along whatever their table is, and the log says what was there."""

from __future__ import annotations

import sqlite3

import pytest

from cnnlab.grading.gradebook import Gradebook, GradebookError
from cnnlab.grading.row_changes import log, merge, remove, rename
from cnnlab.grading.scoring import CaseResult, QuestionResult, Result


def result(student, *points):
    questions = tuple(
        QuestionResult(f"q{n}", "partial", value, 4.0, (CaseResult("it", value, 4.0),))
        for n, value in enumerate(points)
    )
    return Result(student, "graded", questions)


@pytest.fixture
def book(tmp_path):
    """A book in which another part of the grader keeps decisions, in a table of its own."""
    with Gradebook(tmp_path / "book.sqlite") as book:
        with book.changing() as connection:
            connection.execute(
                "create table rulings (assignment text, student text, question text, points real,"
                " primary key (assignment, student, question))"
            )
            rows = [("a1", "weiwang 103", "q0", 3), ("a1", "ww2", "q0", 1), ("a2", "weiwang 103", "q0", 2)]
            connection.executemany("insert into rulings values (?, ?, ?, ?)", rows)
        book.write("a1", result("weiwang 103", 1.0, 2.0), "mark")
        book.write("a2", result("weiwang 103", 4.0), "mark")
        yield book


def rulings(book):
    with book.changing() as connection:
        return connection.execute("select assignment, student, points from rulings order by 1, 2").fetchall()


def test_a_renamed_row_is_the_same_row_with_its_decisions(book):
    book.write("a3", result("ww2", 1.0), "mark")
    before = book.result("a1", "weiwang 103")
    said = rename(book, "weiwang 103", "ww2")
    assert (
        said
        == "weiwang 103 is now ww2; a1: weiwang 103 had 3 points (graded); a2: weiwang 103 had 4 points (graded)"
    )
    assert book.students("a1") == book.students("a2") == ["ww2"]
    assert book.result("a1", "ww2").questions == before.questions and book.is_graded("a1", "ww2", "mark")
    assert rulings(book) == [("a1", "ww2", 1), ("a2", "ww2", 2)], "one that stands under the new name stays"


def test_two_results_are_not_renamed_into_one_and_a_merge_keeps_the_second_whole(book):
    book.write("a1", result("ww2", 0.5), "mark")
    with pytest.raises(GradebookError, match="both have a result for a1"):
        rename(book, "weiwang 103", "ww2")
    said = merge(book, "weiwang 103", "ww2")
    assert "a1: weiwang 103 had 3 points (graded); a1: ww2 had 0.5 points" in said
    assert book.result("a1", "ww2") == result("ww2", 0.5), "no question of the other is mixed in"
    assert book.result("a2", "ww2").points == 4 and book.students("a1") == ["ww2"]
    assert [what for _, what in log(book)] == [said]


def test_who_is_removed_stands_in_the_log_alone(book):
    said = remove(book, "weiwang 103")
    assert book.students("a1") == book.students("a2") == [] and rulings(book) == [("a1", "ww2", 1)]
    assert [what for _, what in log(book)] == [said] and "a2: weiwang 103 had 4 points" in said


def test_who_is_not_there_is_named_with_who_is(book):
    for change in (lambda: rename(book, "weiwang", "x"), lambda: remove(book, "nobody")):
        with pytest.raises(ValueError, match="weiwang 103"):
            change()
    with pytest.raises(ValueError, match="same student twice"):
        merge(book, "weiwang 103", "weiwang 103")
    assert log(book) == []


def test_a_change_that_fails_changes_nothing(book, monkeypatch):
    with book.changing() as connection:
        connection.execute("create table locked (student text check (student != 'ww9'))")
        connection.execute("insert into locked values ('weiwang 103')")
        connection.execute("create trigger no before delete on locked begin select raise(abort, 'no'); end")
    with pytest.raises(GradebookError, match="no"):
        remove(book, "weiwang 103")
    assert book.students("a1") == ["weiwang 103"] and len(rulings(book)) == 3 and log(book) == []
    with pytest.raises(sqlite3.OperationalError), sqlite3.connect(":memory:") as other:
        other.execute("select * from changes")
