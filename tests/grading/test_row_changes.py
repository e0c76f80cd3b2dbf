"""Rows are renamed, merged and removed whole, decisions move along, and the log says what was there."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from cnnlab.grading.decisions import Decision, answer_digest
from cnnlab.grading.gradebook import Gradebook, GradebookError
from cnnlab.grading.gradebook_tables import OF_A_RESULT
from cnnlab.grading.row_changes import log, merge, remove, rename
from cnnlab.grading.scoring import CaseResult, QuestionResult, Result
from cnnlab.grading.written import Exhibit


def result(student, *points, answer="The meadow."):
    """A result with a written answer, beside which stands a picture."""
    questions = tuple(
        QuestionResult(f"q{n}", "partial", value, 4.0, (CaseResult("it", value, 4.0),))
        for n, value in enumerate(points)
    )
    picture = Exhibit("w1-look", f"my_seed = {len(points)}", "a map", b"a picture")
    written = QuestionResult("w1", "to be marked", 0.0, 4.0, code=answer, exhibits=(picture,))
    return Result(student, "to be marked", (*questions, written))


def mark(book, assignment, student, points, marker="mia"):
    (*_, graded) = book.result(assignment, student).questions
    decision = Decision(student, "w1", "marked", points, digest=answer_digest(graded), marker=marker)
    return book.decide(assignment, decision)


@pytest.fixture
def book(tmp_path):
    with Gradebook(tmp_path / "book.sqlite") as book:
        book.write("a1", result("weiwang 103", 1.0, 2.0), "mark")
        book.write("a2", result("weiwang 103", 4.0), "mark")
        mark(book, "a1", "weiwang 103", 3.0)
        yield book


def written(book, assignment, student):
    return book.result(assignment, student).questions[-1]


def test_a_renamed_row_is_the_same_row_with_its_decisions(book):
    book.write("a3", result("ww2", 1.0), "mark")
    before, decided = book.result("a1", "weiwang 103"), book.decisions("a1")
    said = rename(book, "weiwang 103", "ww2")
    held = "a1: weiwang 103 had 6 points (graded); a2: weiwang 103 had 4 points (to be marked)"
    assert said == f"weiwang 103 is now ww2; {held}"
    assert book.students("a1") == book.students("a2") == ["ww2"]
    assert book.decisions("a1") == [replace(one, student="ww2") for one in decided]
    after = book.result("a1", "ww2")
    assert (after.points, after.status, after.questions[-1].exhibits) == (
        before.points,
        "graded",
        before.questions[-1].exhibits,
    )
    assert book.is_graded("a1", "ww2", "mark")
    book.write("a1", result("ww2", 1.0, 2.0), "graded again")
    assert book.result("a1", "ww2").points == 6, "and it outlives the next grading"


def test_two_results_are_not_renamed_into_one_and_a_merge_keeps_the_second_whole(book):
    shown = result("ww2", 0.5).questions
    hidden = (shown[0], replace(shown[1], exhibits=()))
    book.write("a1", replace(result("ww2"), questions=hidden), "mark")
    with pytest.raises(GradebookError, match="both have a result for a1"):
        rename(book, "weiwang 103", "ww2")
    said = merge(book, "weiwang 103", "ww2")
    assert "a1: weiwang 103 had 6 points (graded); a1: ww2 had 0.5 points" in said
    own = book.result("a1", "ww2").questions
    assert (own[0], own[1].exhibits, len(own)) == (hidden[0], (), 2), "nothing of the other is mixed in"
    with book.changing() as connection:
        for table in OF_A_RESULT:
            found = connection.execute(f"select distinct student, assignment from {table} order by 2")
            assert set(found.fetchall()) <= {("ww2", "a1"), ("ww2", "a2")}, table
        pictures = connection.execute("select assignment from exhibits").fetchall()
    assert pictures == [("a2",)]
    assert book.result("a2", "ww2").points == 4 and book.students("a1") == ["ww2"]
    assert [what for _, what in log(book)] == [said]


def test_in_a_merge_the_second_keeps_their_own_decisions_and_those_of_the_first_are_in_the_log(book):
    book.write("a1", result("ww2", 0.5, answer="The rocks."), "mark")
    mark(book, "a1", "ww2", 1.0, "noah")
    mark(book, "a1", "weiwang 103", 4.0)  # later than the other's
    said = merge(book, "weiwang 103", "ww2")
    assert (written(book, "a1", "ww2").points, written(book, "a1", "ww2").status) == (1, "marked")
    assert [one.marker for one in book.decisions("a1")] == ["noah"]
    for points in (3, 4):
        assert f"a1, w1: {points} points by mia for weiwang 103 are dropped" in said


def test_a_decision_that_comes_to_another_answer_says_so(book):
    book.write("a1", result("ww2", 0.5, answer="The rocks."), "mark")
    merge(book, "weiwang 103", "ww2")
    moved = written(book, "a1", "ww2")
    assert (moved.points, moved.status, moved.code) == (3, "needs review", "The rocks.")
    assert moved.review == ("the answer has changed since mia marked it",)


def test_who_is_removed_stands_in_the_log_alone(book):
    said = remove(book, "weiwang 103")
    with book.changing() as connection:
        for table in (*OF_A_RESULT, "decisions"):
            assert not connection.execute(f"select * from {table}").fetchall(), table
    assert [what for _, what in log(book)] == [said]
    assert "a2: weiwang 103 had 4 points" in said and "w1: 3 points by mia" in said


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
    assert book.students("a1") == ["weiwang 103"] and len(book.decisions("a1")) == 1 and log(book) == []
    with pytest.raises(sqlite3.OperationalError), sqlite3.connect(":memory:") as other:
        other.execute("select * from changes")
