"""Decisions of people: they count until the next one, outlive a regrading, say when the answer has changed, and none is ever lost."""

from __future__ import annotations

import csv
import io
import sqlite3
from dataclasses import replace

import pytest
from sample_class import hand_in, notebook, with_essay, write_assignment

from cnnlab.grading import feedback, gradebook_tables
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.batch import review_reasons
from cnnlab.grading.decisions import Decision, answer_digest, effective
from cnnlab.grading.export import FORMATS, export, gradescope, still_to_be_marked
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.report import class_report
from cnnlab.grading.scoring import CaseResult, QuestionResult, Result
from cnnlab.grading.written import Exhibit

Q1 = QuestionResult(
    "q1", "failed", 0.0, 4.0, (CaseResult("numbers", 0, 4, "a hint"),), code="def triple(v): ..."
)
W1 = QuestionResult(
    "w1",
    "to be marked",
    0.0,
    4.0,
    code="The meadow.",
    exhibits=(Exhibit("w1-look", "my_seed = 1", "a map", b"\x89PNG"),),
)
REST = (QuestionResult("q2", "passed", 2.0, 2.0), QuestionResult("q3", "passed", 1.0, 1.0))
RESULT = Result("anna", "to be marked", (Q1, *REST, W1))


def decided(graded=W1, kind="marked", points=3.0, **more) -> Decision:
    criteria = (1.0, 2.0, 0.0) if graded is W1 and kind == "marked" else ()
    more = {"criteria": criteria, "digest": answer_digest(graded), "marker": "mia"} | more
    return Decision("anna", graded.question, kind, points, **more)


@pytest.fixture
def book(tmp_path):
    with Gradebook(tmp_path / "book.sqlite") as book:
        book.write("tiny", RESULT, "x")
        yield book


@pytest.fixture(scope="module")
def essay(tmp_path_factory):
    return load_assignment(write_assignment(tmp_path_factory.mktemp("essay") / "tiny", written=True))


def now(book, question="w1") -> QuestionResult:
    return next(one for one in book.result("tiny", "anna").questions if one.question == question)


def test_a_mark_counts_and_the_submission_is_graded(book):
    assert book.result("tiny", "anna").status == "to be marked" and book.result("tiny", "anna").points == 3
    book.decide("tiny", decided())
    result = book.result("tiny", "anna")
    assert (result.status, result.points) == ("graded", 6) and now(book).status == "marked"
    assert now(book).decision.criteria == (1.0, 2.0, 0.0) and now(book).exhibits == W1.exhibits


def test_the_latest_counts_and_none_is_lost(book):
    first = book.decide("tiny", decided())
    second = book.decide("tiny", decided(points=1.0, seen=first.number))
    assert now(book).points == 1 and not second.unseen
    book.decide("tiny", decided(kind="open", points=0.0, seen=second.number))
    assert now(book).status == "to be marked" and now(book).points == 0, "undone"
    assert [one.kind for one in book.decisions("tiny")] == ["marked", "marked", "open"]
    assert [one.number for one in book.decisions("tiny", after=first.number)] == [
        second.number,
        second.number + 1,
    ]


def test_a_decision_outlives_the_next_grading(book):
    book.decide("tiny", decided())
    book.decide("tiny", decided(Q1, points=2.0, reason="the idea is right"))
    book.write("tiny", RESULT, "graded again")
    assert now(book).points == 3 and now(book, "q1").points == 2 and book.result("tiny", "anna").points == 8
    other = replace(RESULT, questions=(replace(Q1, points=4.0, status="passed"), *REST, W1))
    book.write("tiny", other, "with a mended key")
    assert now(book, "q1").points == 2, "the same answer, so the same decision"


@pytest.mark.parametrize(
    "changed",
    [
        replace(W1, code="The rocks."),
        replace(W1, exhibits=(replace(W1.exhibits[0], code="my_seed = 2"),)),
        replace(W1, code="", exhibits=(), status="not attempted"),
    ],
)
def test_an_answer_that_has_changed_goes_to_a_human_and_keeps_its_points(book, changed):
    book.decide("tiny", decided())
    book.write("tiny", replace(RESULT, questions=(Q1, *REST, changed)), "handed in anew")
    result = book.result("tiny", "anna")
    assert now(book).status == "needs review" and now(book).points == 3 and result.status == "needs review"
    assert "anna, w1: the answer has changed since mia marked it" in review_reasons(result)
    latest = book.decisions("tiny")[-1]
    book.decide("tiny", decided(digest=answer_digest(changed), seen=latest.number))
    assert now(book).status == "marked" and review_reasons(book.result("tiny", "anna")) == []


def test_a_drawn_picture_that_differs_by_its_bytes_is_no_other_answer(book):
    book.decide("tiny", decided())
    other = replace(W1, exhibits=(replace(W1.exhibits[0], picture=b"\x89PNG of another version"),))
    book.write("tiny", replace(RESULT, questions=(Q1, *REST, other)), "y")
    assert now(book).status == "marked"


def test_two_markers_at_once_lose_nothing_and_the_later_says_so(tmp_path, book):
    with Gradebook(tmp_path / "book.sqlite") as other:
        first = book.decide("tiny", decided(points=3.0))
        second = other.decide("tiny", decided(points=1.0, marker="noah"))
        assert second.unseen == "mia" and not first.unseen
        for one in (book, other):
            assert [each.points for each in one.decisions("tiny")] == [3, 1]
            assert now(one).points == 1 and now(one).status == "needs review"
            assert now(one).review == ("mia and noah marked it at the same time; the later counts",)
        agreed = other.decide("tiny", decided(points=3.0, marker="noah", seen=second.number))
        assert not agreed.unseen and now(book).status == "marked"
        assert not book.decide("tiny", decided(points=3.0, seen=0)).unseen, "the same points are no quarrel"


def test_a_second_look_goes_to_a_human(book):
    book.decide("tiny", decided(second_look=True))
    assert now(book).status == "needs review" and now(book).review == ("mia asks for a second look",)
    book.decide("tiny", decided(kind="open", points=0.0, second_look=True, seen=1))
    assert now(book).status == "needs review" and now(book).points == 0


def test_what_was_looked_at_needs_no_review_any_more():
    flagged = replace(Q1, status="needs review", points=4.0, review=("it uses scipy",))
    result = Result("anna", "needs review", (flagged, *REST))
    after = effective(result, {"q1": decided(flagged, kind="accepted", points=0.0)})
    assert (after.status, after.points, after.questions[0].review) == ("graded", 7, ())
    assert effective(result, {}) is result
    noted = effective(result, {"q1": decided(flagged, kind="open", comments=("see me",))})
    assert noted.status == "needs review" and noted.questions[0].review == ("it uses scipy",)
    with_notes = replace(result, notes=("two notebooks were handed in",))
    assert effective(with_notes, {"q1": decided(flagged, kind="accepted")}).status == "needs review"


def test_an_unreadable_file_is_graded_only_if_every_question_is_decided():
    parts = tuple(QuestionResult(name, "unreadable", 0.0, 4.0) for name in ("q1", "w1"))
    result = Result("anna", "unreadable", parts, "it is cut off")
    some = {"q1": decided(parts[0], points=2.0)}
    assert effective(result, some).status == "unreadable" and effective(result, some).points == 2
    both = some | {"w1": decided(parts[1], points=1.0, criteria=())}
    assert (effective(result, both).status, effective(result, both).points) == ("graded", 3)


@pytest.mark.parametrize("format", FORMATS)
def test_every_table_has_the_points_that_count(essay, book, tmp_path, format):
    def written():
        path = export(essay, book.results("tiny"), format, tmp_path / format)
        return (path / "anna" / "results.json" if format == "gradescope" else path).read_text()

    before = written()
    assert "to be marked" in before or format == "canvas"
    if format == "csv":
        (row,) = csv.DictReader(io.StringIO(before))
        assert (row["points"], row["w1"], row["w1_status"]) == ("3", "", "to be marked"), "no zero"
    book.decide("tiny", decided(comments=("name the pixels",)))
    book.decide("tiny", decided(Q1, points=2.0, reason="the idea is right"))
    after = written()
    assert "to be marked" not in after and "marked" in after or format == "canvas"
    if format == "csv":
        (row,) = csv.DictReader(io.StringIO(after))
        assert (row["points"], row["out_of"], row["q1"], row["w1"], row["w1_status"]) == (
            "8",
            "11",
            "2",
            "3",
            "marked",
        )
    if format == "canvas":
        assert list(csv.reader(io.StringIO(after)))[-1][-1] == "8"
    if format in ("gradescope", "moodle"):
        assert "name the pixels" in after and "the idea is right" in after
    if format == "moodle":
        assert "w1 3/4 marked: name the pixels" in after and "w1 to be marked" in before
        assert list(csv.DictReader(io.StringIO(after)))[0]["tiny"] == "8"


def test_who_waits_for_a_marker_is_named_and_the_page_says_so_far(essay, book):
    (line,) = still_to_be_marked(book.results("tiny"))
    assert line == "still to be marked, and without those points: anna"
    assert "3 of 11 points so far" in feedback.page(essay, book.result("tiny", "anna"))
    report = str(class_report(essay, list(book.results("tiny"))))
    assert "share -" in report and "1 of them with answers still to be marked" in report
    book.decide("tiny", decided())
    assert still_to_be_marked(book.results("tiny")) == []
    assert "still to be marked" not in str(class_report(essay, list(book.results("tiny"))))
    assert "6 of 11 points<" in feedback.page(essay, book.result("tiny", "anna"))


def test_what_is_not_marked_has_no_score_at_gradescope(essay, book):
    row = {"student": "anna", "final": 3.0, "result": book.result("tiny", "anna")}
    tests = {test["number"]: test for test in gradescope(essay, row)["tests"]}
    assert "score" not in tests["w1"] and tests["w1"]["max_score"] == 4 and tests["q2"]["score"] == 2


def test_feedback_has_rubric_comments_and_reason_and_no_marker(essay, book):
    book.decide("tiny", decided(comments=("name <i>the</i> pixels",)))
    book.decide("tiny", decided(Q1, points=2.0, reason="the idea is right"))
    page = feedback.page(essay, book.result("tiny", "anna"))
    for said in (
        "says why",
        "2 / 2",
        "0 / 1",
        "name &lt;i&gt;the&lt;/i&gt; pixels",
        "the idea is right",
        "8 of 11",
    ):
        assert said in page, said
    assert "mia" not in page


def test_the_report_counts_what_is_marked(essay, book):
    def share():
        return class_report(essay, list(book.results("tiny"))).questions[-1]

    assert share().share is None and share().statuses == {"to be marked": 1}
    book.decide("tiny", decided())
    assert share().share == 0.75 and share().statuses == {"marked": 1}


def test_a_gradebook_of_the_first_version_is_brought_up_to_date(essay, tmp_path):
    """Made as the first version made it: nothing in it changes, and it can take decisions."""
    path = tmp_path / "old.sqlite"
    old = sqlite3.connect(path)
    old.executescript(gradebook_tables.TABLES)
    old.execute("insert into facts values ('secret', ?)", ("ab" * 32,))
    old.execute(
        "insert into submissions values ('tiny', 'anna', 'mark', 'graded', '', '[]', 'walls', '', 'd', 1.0, 2.0, 3.0)"
    )
    old.execute(
        "insert into questions values ('tiny', 'anna', 0, 'q1', 'partial', 2.0, 4.0, '[]', '[]', 'def triple(v): ...', 'hello')"
    )
    old.execute("insert into cases values ('tiny', 'anna', 'q1', 0, 'numbers', 2.0, 4.0, 'a hint', x'89')")
    old.execute(f"pragma application_id = {gradebook_tables.APPLICATION_ID}")
    old.execute("pragma user_version = 1")
    old.commit()
    old.close()
    for _ in range(2):
        with Gradebook(path, create=False) as book:
            assert book.secret == bytes.fromhex("ab" * 32) and book.is_graded("tiny", "anna", "mark")
            (result,) = book.results("tiny")
            assert result.questions[0].cases == (CaseResult("numbers", 2.0, 4.0, "a hint", b"\x89"),)
            assert result.questions[0].text == "hello" and result.submitted == 1.0
    with Gradebook(path, create=False) as book:
        book.decide("tiny", decided(result.questions[0], points=3.0, reason="better than that"))
        assert book.result("tiny", "anna").points == 3
    version = sqlite3.connect(path)
    assert version.execute("pragma user_version").fetchone()[0] == gradebook_tables.VERSION
    version.close()


def test_a_migration_that_fails_leaves_the_gradebook_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "book.sqlite"
    Gradebook(path).close()
    before = path.read_bytes()
    broken = ("create table half (a);\nnonsense;\n",)
    monkeypatch.setattr("cnnlab.grading.gradebook.MIGRATIONS", (*gradebook_tables.MIGRATIONS, *broken))
    monkeypatch.setattr("cnnlab.grading.gradebook.VERSION", gradebook_tables.VERSION + 1)
    with pytest.raises(RuntimeError, match="cannot be used"):
        Gradebook(path)
    assert path.read_bytes() == before


def test_from_a_class_to_the_table_and_through_a_second_grading(essay, runner, tmp_path, monkeypatch):
    import contextlib

    from cnnlab.grading import batch

    monkeypatch.setattr(batch, "Runner", lambda *walls, **rooms: contextlib.nullcontext(runner))
    for student in ("anna", "bert"):
        hand_in(
            tmp_path / "room" / f"{student}.ipynb", with_essay(notebook(), f"The meadow, says {student}.")
        )
    with Gradebook(tmp_path / "book.sqlite") as book:
        said = batch.grade_folder(essay, tmp_path / "room", book, progress=False)
        assert said.statuses == {"to be marked": 2} and "to be marked (`cnnlab mark`): 2" in str(said)
        book.decide("tiny", decided(book.result("tiny", "anna").questions[-1], criteria=(1.0, 2.0, 0.0)))
        again = batch.grade_folder(essay, tmp_path / "room", book, progress=False, regrade=True)
        assert again.statuses == {"graded": 1, "to be marked": 1} and again.graded == 2
        assert book.result("tiny", "anna").points == 10
        hand_in(tmp_path / "room" / "anna.ipynb", with_essay(notebook(), "No, the rocks."))
        third = batch.grade_folder(essay, tmp_path / "room", book, progress=False)
        assert third.needs_review == ("anna, w1: the answer has changed since mia marked it",)
        assert book.result("tiny", "anna").points == 10
