"""A class is graded whatever is in it; a grader that is killed goes on where it stopped; the gradebook survives what happens to it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys

import numpy as np
import pytest
from hard_class import graded_at, graded_before_a_kill
from sample_class import POINTS, RIGHT, hand_in, notebook, write_assignment

from cnnlab.grading import batch, scoring
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.batch import grade_folder
from cnnlab.grading.gradebook import Gradebook, GradebookError
from cnnlab.grading.sandbox.confinement import TIERS
from cnnlab.grading.scoring import Result
from cnnlab.grading.whole_files import write_whole


def fill(room) -> dict[str, tuple[str, float]]:
    """A class, and the status and points that each must get."""
    whole = json.dumps(notebook())
    people = {
        "right": (notebook(), "graded", POINTS),
        "wrong": (notebook(RIGHT | {"q1": "def triple(values): return values + 1"}), "graded", 4),
        "partial": (notebook({"q2": RIGHT["q2"]}), "graded", 2),
        "empty": ("", "unreadable", 0),
        "truncated": (whole[:-200], "unreadable", 0),
        "not a notebook": ('{"hello": 1}', "unreadable", 0),
        "stripped": (notebook(ids=False, markers=False), "graded", POINTS),
        "crash": (notebook(RIGHT | {"q1": "import os\nos._exit(1)"}), "graded", 3),
        "=HYPERLINK('x')": (notebook(), "graded", POINTS),
        'Zoë "Zo" O\'Hara': (notebook(), "graded", POINTS),
    }
    for student, (content, _, _) in people.items():
        hand_in(room / f"{student}.ipynb", content)
    return {student: (status, points) for student, (_, status, points) in people.items()}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "handed in"
    return folder, fill(folder)


def in_book(path) -> dict[str, tuple[str, float]]:
    with Gradebook(path, create=False) as book:
        return {result.student: (result.status, result.points) for result in book.results("tiny")}


def test_a_killed_grader_goes_on_where_it_stopped(tiny, room, tmp_path):
    """kill -9 after the first results are in the book; nothing is lost, nothing graded twice, and the grades are the same."""
    folder, wanted = room
    killed, calm = tmp_path / "killed.sqlite", tmp_path / "calm.sqlite"
    stamps = graded_before_a_kill(tiny, folder, killed, 3, jobs=1)
    before = in_book(killed)
    assert 3 <= len(before) < len(wanted)
    with Gradebook(killed) as book:
        rest = grade_folder(tiny, folder, book, tiers=TIERS, progress=False)
    assert (rest.graded, rest.already_graded) == (len(wanted) - len(before), len(before))
    assert in_book(killed) == wanted
    assert {student: graded_at(killed)[student] for student in stamps} == stamps, "nothing is graded twice"
    with Gradebook(calm) as book:
        again = grade_folder(tiny, folder, book, tiers=TIERS, progress=False)
    assert in_book(calm) == wanted
    assert again.graded == len(wanted) and "3 unreadable" in str(again)
    assert sum("unreadable" in person for person in again.needs_review) == 3
    with Gradebook(calm) as book:
        assert grade_folder(tiny, folder, book, tiers=TIERS, progress=False).graded == 0


def test_a_changed_submission_is_graded_anew(tmp_path):
    with Gradebook(tmp_path / "book.sqlite") as book:
        book.write("tiny", Result("anna", "graded"), "one")
        assert book.is_graded("tiny", "anna", "one") and not book.is_graded("tiny", "anna", "two")
        book.write("tiny", Result("bert", "grader error"), "one")
        assert not book.is_graded("tiny", "bert", "one"), "an error of ours is tried again"


def test_a_result_comes_back_as_it_was(tiny, grade, tmp_path):
    result = grade(notebook({"q1": "def triple(values): return values * 2\n# \ud800"} | {"q3": "answer = 1"}))
    with Gradebook(tmp_path / "book.sqlite") as book:
        book.write("tiny", result, "x")
        back = book.result("tiny", "anna")
        assert back.questions[1:] == result.questions[1:] and back.points == result.points
        assert back.questions[0].cases == result.questions[0].cases
        with pytest.raises(KeyError, match="bert is not"):
            book.result("tiny", "bert")


def test_the_secret_stays_with_the_book_and_nobody_else_may_read_it(tmp_path):
    with Gradebook(tmp_path / "book.sqlite") as book:
        secret = book.secret
    with Gradebook(tmp_path / "book.sqlite") as book:
        assert book.secret == secret and len(secret) == 32
    assert (tmp_path / "book.sqlite").stat().st_mode & 0o077 == 0


def test_a_gradebook_of_another_version_is_left_alone(tmp_path):
    path = tmp_path / "book.sqlite"
    Gradebook(path).close()
    other = sqlite3.connect(path)
    other.execute("pragma user_version = 99")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(GradebookError, match="version 99"):
        Gradebook(path)
    assert path.read_bytes() == before


def test_what_is_no_gradebook_is_left_alone(tmp_path):
    (tmp_path / "text").write_text("not a database, but long enough to be looked at" * 40)
    other = sqlite3.connect(tmp_path / "other")
    other.execute("create table mine (a)")
    other.close()
    for name in ("text", "other"):
        with pytest.raises(GradebookError, match="choose another file"):
            Gradebook(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="no folder"):
        Gradebook(tmp_path / "no" / "book")
    with pytest.raises(FileNotFoundError, match="cnnlab grade"):
        Gradebook(tmp_path / "none", create=False)


def test_an_empty_file_is_no_gradebook_and_none_is_ever_made_so(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(GradebookError, match="empty is empty, .* bring it back from a copy"):
        Gradebook(tmp_path / "empty")
    assert (tmp_path / "empty").stat().st_size == 0
    with Gradebook(tmp_path / "one"), Gradebook(tmp_path / "one") as other:
        assert len(other.secret) == 32
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "one"]


def test_a_file_that_cannot_be_written_to_its_end_stays_as_it_was(tmp_path):
    """The last half of a surrogate pair cannot be encoded, after the rest is written."""
    write_whole(tmp_path / "page.html", "the first")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "page.html", "x" * 10**6 + "\ud800")
    assert (tmp_path / "page.html").read_text() == "the first" and len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def course(tmp_path):
    """The small assignment with a key that imports modules: one beside it, which imports a second, and one of the course."""
    folder = write_assignment(tmp_path / "course" / "assignments" / "tiny")
    key = folder / "instructor" / "key.py"
    instructor, above = key.parent, folder.parents[1]
    (instructor / "beside.py").write_text("from package.second import FACTOR\n")
    (instructor / "package").mkdir()
    (instructor / "package" / "__init__.py").touch()
    (instructor / "package" / "second.py").write_text("import course_wide\nFACTOR = course_wide.FACTOR\n")
    (above / "course_wide.py").write_text("FACTOR = 3\n")
    (instructor / "table.txt").write_text("1 2 3")
    lines = f"import sys\nsys.path.append({str(above)!r})\nfrom beside import FACTOR\n"
    key.write_text(lines + key.read_text().replace("values * 3", "values * FACTOR"))
    yield folder
    sys.path.remove(str(above))
    sys.modules.pop("course_wide", None)


def test_a_change_of_what_the_key_reads_or_imports_outdates_the_grades(course):
    before = load_assignment(course)
    assert before.question("q1").reference(values=1) == 3
    instructor = course / "instructor"
    for path, text in (
        (instructor / "key.py", "# another\n"),
        (instructor / "beside.py", "# another\n"),
        (instructor / "package" / "second.py", "FACTOR = 4\n"),
        (course.parents[1] / "course_wide.py", "# another\n"),
        (instructor / "table.txt", " 4"),
    ):
        with path.open("a") as file:
            file.write(text)
        after = load_assignment(course)
        assert after.fingerprint != before.fingerprint, path.name
        assert load_assignment(course).fingerprint == after.fingerprint
        before = after
    assert after.question("q1").reference(values=1) == 4, "the module is read again"
    assert not {"beside", "package", "package.second"} & sys.modules.keys()
    (instructor / "mutants").mkdir()
    (instructor / "mutants" / "q1_twice.py").write_text("pass")
    (instructor / "__pycache__").mkdir()
    (instructor / "__pycache__" / "beside.pyc").write_bytes(b"x")
    assert load_assignment(course).fingerprint == after.fingerprint


def test_rows_that_a_batch_leaves_behind_are_named(course, shared, tmp_path):
    for student in ("anna", "bert", "carl"):
        hand_in(tmp_path / "room" / f"{student}.ipynb", notebook())
    (tmp_path / "room" / "dora").mkdir()
    with Gradebook(tmp_path / "book.sqlite") as book:
        done = grade_folder(load_assignment(course), tmp_path / "room", book, tiers=TIERS, progress=False)
        assert (done.graded, done.left_behind) == (4, ())
        (tmp_path / "room" / "bert.ipynb").unlink()
        done = grade_folder(load_assignment(course), tmp_path / "room", book, tiers=TIERS, progress=False)
        assert (done.graded, done.left_behind) == (0, ("bert: there is no such submission any more",))
        (course / "instructor" / "table.txt").write_text("another")
        done = grade_folder(load_assignment(course), tmp_path / "room", book, tiers=TIERS, progress=False)
    assert done.graded == 3
    assert done.left_behind == (
        "bert: there is no such submission any more; graded with another key, kit or limits",
    )
    assert "left behind in the gradebook: bert: there is no" in str(done)


def test_a_locked_gradebook_says_so_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnlab.grading.gradebook.LOCK_TIMEOUT", 0.05)
    path = tmp_path / "book.sqlite"
    with Gradebook(path) as book:
        book.write("tiny", Result("anna", "graded"), "one")
        other = sqlite3.connect(path)
        other.execute("begin exclusive")
        with pytest.raises(GradebookError, match="another program has it open"):
            book.write("tiny", Result("bert", "graded"), "one")
        other.rollback()
        other.close()
        book.write("tiny", Result("bert", "graded"), "one")
        assert book.students("tiny") == ["anna", "bert"]


def test_a_full_disk_says_so_and_loses_nothing(tmp_path):
    with Gradebook(tmp_path / "book.sqlite") as book:
        book.write("tiny", Result("anna", "graded"), "one")
        pages = book._connection.execute("pragma page_count").fetchone()[0]
        book._connection.execute(f"pragma max_page_count = {pages}")  # as a disk that has no more
        with pytest.raises(GradebookError, match="make room"):
            book.write("tiny", Result("bert", "graded", text="x" * 100_000), "one")
        assert book.students("tiny") == ["anna"]
        book._connection.execute("pragma max_page_count = 100000")
        book.write("tiny", Result("bert", "graded", text="x" * 100_000), "one")
        assert book.students("tiny") == ["anna", "bert"]


FRAGILE = ("scoring.hint", "scoring.thumbnail", "scoring.difference", "scoring.match", "batch.read")


@pytest.fixture
def shared(runner, monkeypatch):
    """One runner for several batches, since to start one takes longer than to grade with it."""
    monkeypatch.setattr(batch, "Runner", lambda *walls, **rooms: contextlib.nullcontext(runner))


def is_annas(value) -> bool:
    """Whether this is Anna's file, her notebook, or a value that only her function returns."""
    array = getattr(value, "array", value)
    if isinstance(array, np.ndarray):
        return array.shape == (3, 4) and array.min() > 50
    return "* 7 + 77" in str(value) or "anna" in str(value)


@pytest.mark.parametrize("part", FRAGILE)
def test_what_fails_for_one_costs_nobody_else_a_grade_and_is_named(tiny, shared, tmp_path, monkeypatch, part):
    def fragile(*arguments, **more):
        if any(map(is_annas, [*arguments, *more.values()])):
            raise np.linalg.LinAlgError("SVD did not converge\n\x1b[31m")
        return whole(*arguments, **more)

    module, _, name = part.partition(".")
    module = {"scoring": scoring, "batch": batch}[module]
    whole = getattr(module, name)
    monkeypatch.setattr(module, name, fragile)
    room = tmp_path / "room"
    hand_in(room / "anna.ipynb", notebook(RIGHT | {"q1": "def triple(values): return values * 7 + 77"}))
    hand_in(room / "bert.ipynb", notebook())
    with Gradebook(tmp_path / "book.sqlite") as book:
        done = grade_folder(tiny, room, book, tiers=TIERS, progress=False)
        anna, bert = book.results("tiny")
    assert (bert.status, bert.points) == ("graded", POINTS)
    named = [line for line in done.needs_review if line.startswith("anna")]
    assert any("SVD did not converge" in line for line in named) and "\x1b" not in str(done)
    if name in ("hint", "thumbnail"):
        assert (anna.status, anna.points, done.not_graded) == ("graded", 4, 0)
    else:
        assert (anna.status, done.not_graded) == ("grader error", 1)
    if name == "difference":
        assert [question.status for question in anna.questions] == ["grader error", "passed", "passed"]


def test_a_result_that_cannot_be_written_stops_no_run(tiny, shared, tmp_path, monkeypatch):
    whole = Gradebook.write

    def write(book, assignment, result, mark):
        if result.student == "anna" and result.status == "graded":
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        whole(book, assignment, result, mark)

    monkeypatch.setattr(Gradebook, "write", write)
    for student in ("anna", "bert"):
        hand_in(tmp_path / "room" / f"{student}.ipynb", notebook())
    with Gradebook(tmp_path / "book.sqlite") as book:
        done = grade_folder(tiny, tmp_path / "room", book, tiers=TIERS, progress=False)
        assert in_book(book.path) == {"anna": ("grader error", 0), "bert": ("graded", POINTS)}
    assert done.needs_review == (
        "anna: grader error: OverflowError: Python int too large to convert to SQLite INTEGER",
    )


def test_tiny_and_uninitialised_floats_are_wrong_and_no_trouble(grade):
    for body in (
        "np.full(values.shape, 1e-320) * np.arange(1, values.size + 1).reshape(values.shape)",
        "np.frombuffer(bytes(range(1, 97)), '<f8').reshape(3, 4) if values.size else values",
        "np.full(values.shape, 1.7e308) * np.sign(values)",
        "np.full(values.shape, 1e200) * values",
    ):
        result = grade(notebook(RIGHT | {"q1": f"def triple(values): return {body}"}))
        assert result.status == "graded" and result.questions[0].points <= 1
        assert not result.questions[0].review and all(case.hint for case in result.questions[0].cases[:2])
