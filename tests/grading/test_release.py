"""What goes out: the student version without answers, feedback without scripts, tables without formulas, late days, the class report."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import time
import unicodedata
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sample_class import POINTS, RIGHT, STUBS, marks, notebook, write_assignment

from cnnlab.grading import export as export_module
from cnnlab.grading import feedback, release
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.export import FORMATS, class_lateness, export, file_names, safe_name
from cnnlab.grading.late import LatePolicy, lateness, parse_datetime, parse_due, read_times
from cnnlab.grading.public_tests import find_checks, first_hint, read_checks, write_checks
from cnnlab.grading.report import class_report
from cnnlab.grading.scoring import CaseResult, QuestionResult, Result
from cnnlab.grading.self_check import check_notebook
from cnnlab.grading.similarity_report import similar_answers
from cnnlab.grading.source_notebook import without_solution
from cnnlab.grading.tables import escape_formula, table
from cnnlab.grading.thumbnails import thumbnail
from cnnlab.grading.validation import variants

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def result(student="anna", points=(4.0, 2.0, 1.0), status="graded", code="", **more) -> Result:
    out_of = (4.0, 2.0, 1.0)
    questions = tuple(
        QuestionResult(
            f"q{n + 1}",
            "passed" if p == o else "failed",
            p,
            o,
            (CaseResult("numbers", p, o, "" if p == o else "a hint"),),
            code=code,
        )
        for n, (p, o) in enumerate(zip(points, out_of, strict=True))
    )
    return Result(student, status, questions, **more)


def test_students_get_stubs_and_no_answer(tiny, tmp_path):
    path = release.release(tiny, tmp_path, run=False)
    text = path.read_text()
    nbformat.validate(nbformat.read(path, as_version=4))
    for secret in ("BEGIN", "HIDDEN", "hidden", "values * 3", "sum(axis=1)", "answer = 42"):
        assert secret not in text, secret
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    assert cells["q1"].source.endswith(STUBS["q1"]) and "question: q1" in cells["q1"].source
    assert cells["setup"].metadata.editable is False and "editable" not in cells["q1"].metadata
    assert cells["q1"].metadata.nbgrader.grade_id == "q1" and cells["q1-test"].metadata.nbgrader.points == 1


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nanswer = 42",
        "answer = 42\n### END SOLUTION",
        "### BEGIN HIDDEN TESTS\nassert 1",
        "### BEGIN MARK SCHEME\none point for 42",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION\nanswer = 43\n### END SOLUTION",
        "### begin solution\nanswer = 42\n### end solution",
        "### BEGIN SOLUTIONS\nanswer = 42\n### END SOLUTIONS",
        "### BEGIN_SOLUTION\nanswer = 42\n### END_SOLUTION",
        "# Begin hidden test\nassert 1\n# End hidden test",
        "assert f() == 42  # AUTOTEST f()",
    ],
)
def test_a_solution_that_is_not_closed_or_misspelt_is_never_released(source):
    with pytest.raises(ValueError, match="not closed"):
        without_solution(source)


SECRET_CELLS = {  # nbgrader's marks: type of the cell, what it is, its text, and what students get
    "a written answer": (
        "markdown",
        {"solution": True, "grade": True, "points": 2},
        "SECRET",
        "YOUR ANSWER HERE",
    ),
    "a written answer in part": (
        *("markdown", {"solution": True}),
        *("Why?\n\n### BEGIN SOLUTION\nSECRET\n### END SOLUTION", "Why?\n\nYOUR ANSWER HERE"),
    ),
    "a task": (
        *("markdown", {"task": True, "points": 2}),
        *("Draw.\n\n<!-- BEGIN MARK SCHEME -->\nSECRET\n<!-- END MARK SCHEME -->\n\nEnd.", "Draw.\n\n\nEnd."),
    ),
    "a mark scheme": (
        *("markdown", {"locked": True}),
        *("### BEGIN MARK SCHEME\nSECRET\n### END MARK SCHEME\nText", "Text"),
    ),
    "tests written by nbgrader": (
        *("code", {"grade": True, "locked": True}),
        *("a = 1\n### AUTOTEST SECRET(3)\n  ### HASHED AUTOTEST SECRET\nb = 2", "a = 1\nb = 2"),
    ),
    "hidden tests": (
        *("code", {"grade": True, "locked": True}),
        *("a = 1\n# BEGIN HIDDEN TESTS\nassert SECRET\n# END HIDDEN TESTS", "a = 1"),
    ),
    "a raw cell": ("raw", {"solution": True}, "SECRET", "YOUR ANSWER HERE"),
}


@pytest.mark.parametrize("name", SECRET_CELLS)
def test_whatever_nbgrader_hides_is_not_released(tmp_path, name):
    kind, what, text, wanted = SECRET_CELLS[name]
    folder = write_assignment(tmp_path / "tiny")
    source = folder / "instructor" / "source.ipynb"
    book = nbformat.read(source, as_version=4)
    added = getattr(nbformat.v4, f"new_{kind}_cell")(text, id="it", metadata=marks("it", **what))
    if kind == "markdown":  # pictures of a solution or a mark scheme
        added["attachments"] = {"SECRET.png": {"image/png": "U0VDUkVU"}}
    book.cells.append(added)
    nbformat.write(book, source)
    if kind != "code" and what.get("solution"):
        with (folder / "instructor" / "key.py").open("a") as key:
            key.write(
                "\nfrom cnnlab.grading.answer_key import Written\nWRITTEN = (Written('it', 'In words', ()),)\n"
            )
    path = release.release(load_assignment(folder), tmp_path / "out", run=False)
    assert "SECRET" not in path.read_text()
    assert nbformat.read(path, as_version=4).cells[-1].source == wanted


def test_a_picture_that_the_text_still_shows_is_released(tmp_path):
    folder = write_assignment(tmp_path / "tiny")
    source = folder / "instructor" / "source.ipynb"
    book = nbformat.read(source, as_version=4)
    text = "![a sheep](attachment:shown.png)\n### BEGIN MARK SCHEME\n![](attachment:scheme.png)\n### END MARK SCHEME"
    book.cells.append(nbformat.v4.new_markdown_cell(text))
    book.cells[-1]["attachments"] = {name: {"image/png": "AAAA"} for name in ("shown.png", "scheme.png")}
    nbformat.write(book, source)
    path = release.release(load_assignment(folder), tmp_path / "out", run=False)
    assert list(nbformat.read(path, as_version=4).cells[-1].attachments) == ["shown.png"]


def test_an_answer_without_marks_is_a_solution_as_a_whole(tmp_path):
    folder = write_assignment(tmp_path / "tiny")
    source = folder / "instructor" / "source.ipynb"
    book = nbformat.read(source, as_version=4)
    for cell in book.cells:
        cell.source = re.sub("\n *### (BEGIN|END) SOLUTION", "", cell.source)
    nbformat.write(book, source)
    assignment = load_assignment(folder)
    path = release.release(assignment, tmp_path / "out", run=False)
    assert "values * 3" not in path.read_text() and "42" not in path.read_text()
    assert assignment.answer_cell("q1").stub == f"# question: q1\n{STUBS['q3']}"


def test_the_stub_keeps_its_place():
    text = "def f(x):\n    y = 1\n    ### BEGIN SOLUTION\n    y = 2\n    ### END SOLUTION\n    return y"
    assert (
        without_solution(text)
        == "def f(x):\n    y = 1\n    # YOUR CODE HERE\n    raise NotImplementedError()\n    return y"
    )


def test_public_checks_tell_right_from_wrong_and_hold_no_hidden_case(tiny, tmp_path):
    write_checks(tiny, tmp_path / "checks.json")
    first = (tmp_path / "checks.json").read_bytes()
    write_checks(tiny, tmp_path / "checks.json")
    assert (tmp_path / "checks.json").read_bytes() == first
    assert find_checks(tmp_path / "one" / "two") == (tmp_path / "checks.json").resolve()
    assert find_checks(tmp_path / "one" / "two" / "three") is None
    questions = {one.name: one for one in read_checks(tmp_path / "checks.json")}
    assert [len(one.cases) for one in questions.values()] == [1, 1, 0]
    q1 = questions["q1"]
    assert first_hint(q1, {"triple": lambda values: 3 * values}) is None
    assert first_hint(q1, {"triple": lambda values: 2 * values}) == "that is twice as much"
    assert "no `triple`" in first_hint(q1, {})
    assert "ZeroDivisionError" in first_hint(q1, {"triple": lambda values: 1 / 0})
    with pytest.raises(NotImplementedError):
        first_hint(q1, {"triple": lambda values: None})

    def layout(values):
        raise NotImplementedError("no such layout")

    assert "no such layout" in first_hint(q1, {"triple": layout})
    (tmp_path / "checks.json").write_text("{}")
    with pytest.raises(ValueError, match="get it anew"):
        read_checks(tmp_path / "checks.json")


def test_a_student_checks_a_notebook_in_the_terminal(tiny, tmp_path, monkeypatch):
    write_checks(tiny, tmp_path / "checks.json")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="no notebook here"):
        list(check_notebook())
    (tmp_path / "mine.ipynb").write_text(json.dumps(notebook({"q1": RIGHT["q1"], "q2": "1 / 0\n"})))
    lines = list(check_notebook())
    assert len(lines) == 4, "nothing is asked in words here"
    assert "code cell 3 stopped with ZeroDivisionError: division by zero" in lines
    assert "q1: passed" in lines and any(
        line.startswith("q2: not yet - there is no `row_sums`") for line in lines
    )
    (tmp_path / "other.ipynb").write_text("{}")
    with pytest.raises(ValueError, match="several notebooks"):
        list(check_notebook())


class Tags(HTMLParser):
    """The tags of a page, and what could run in it."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.active = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.active += [
            name
            for name, value in attrs
            if name.startswith("on") or str(value).strip().startswith("javascript:")
        ]


def test_no_script_survives_on_a_feedback_page(tiny):
    one = QuestionResult(
        "q1", "failed", 0, 4, (CaseResult("numbers", 0, 4, NASTY),), (NASTY,), (), f"# {NASTY}", NASTY
    )
    page = feedback.page(
        tiny, Result(f"anna{NASTY}", "graded", (one,), "", "walls", f"</pre>{NASTY}", notes=(NASTY,))
    )
    seen = Tags(page)
    assert "script" not in seen.tags and not seen.active and "img" not in seen.tags
    assert page.count("&lt;script&gt;") >= 6 and "default-src 'none'" in page


def test_a_feedback_page_is_for_the_student(tiny, grade, tmp_path):
    graded = grade(notebook(RIGHT | {"q1": "def triple(values):\n    print('hello')\n    return values * 2"}))
    page = feedback.write_feedback(tiny, graded, tmp_path).read_text()
    for said in (
        "that is twice as much",
        "1 / 4",
        "Three times as much",
        "4 of 7 points",
        "hello",
        "data:image/png;base64,",
    ):
        assert said in page, said
    failed = feedback.page(tiny, Result("anna", "grader error", (), "Traceback: a secret path"))
    assert "not your fault" in failed and "secret path" not in failed and "0 of" not in failed


def test_a_hint_is_said_once_and_a_stub_is_not_shown(tiny):
    cases = tuple(
        CaseResult(name, 0, 1, hint) for name, hint in (("a", "turn it"), ("b", "turn it"), ("c", ""))
    )
    one = QuestionResult("q1", "partial", 1, 3, cases, code="mine")
    stub = QuestionResult("q2", "not attempted", 0, 2, code="raise NotImplementedError()")
    page = feedback.page(tiny, Result("anna", "graded", (one, stub)))
    assert page.count("turn it") == 1 and page.count("as above") == 1 and page.count("✓ right") == 1
    assert "mine" in page and "NotImplementedError" not in page


@pytest.mark.parametrize(
    ("value", "given", "shown"),
    [
        (np.zeros((4, 4)), 0, True),
        (np.zeros((3, 5, 5)), 0, True),
        (np.zeros((24, 24), int), 0, True),
        (np.zeros((2, 5, 5)), 2, True),
        (np.zeros((2, 3, 5, 5)), 2, True),
        (np.zeros((2, 5, 5)), 0, False),
        (np.zeros((4, 5), int), 0, False),
        (np.zeros((2, 9)), 0, False),
        (np.zeros((0, 5, 5)), 0, False),
        ("a map", 0, False),
    ],
)
def test_maps_and_masks_are_shown_and_tables_of_indices_are_not(value, given, shown):
    assert bool(thumbnail(value, given)) is shown


def test_three_maps_are_three_maps_and_not_one_picture():
    maps = np.zeros((3, 16, 10))
    maps[1] = 1
    shown = np.asarray(Image.open(io.BytesIO(thumbnail(maps, n_inputs=3))))
    scale = shown.shape[0] // 33  # two rows of 16 with a line between them
    first, second, third, rest = (shown[y * scale, x * scale] for y in (5, 25) for x in (4, 14))
    assert (first == third).all() and (first != second).any() and (rest == 255).all()
    alone = np.asarray(Image.open(io.BytesIO(thumbnail(maps))))
    assert alone.shape[:2] == (160, 100) and (alone == alone[0, 0]).all()


def test_an_error_without_words_is_told_without_a_colon(grade):
    graded = grade(notebook(RIGHT | {"q1": "def triple(values):\n    raise MemoryError"}))
    assert {case.hint for case in graded.questions[0].cases} == {"your code stopped with MemoryError"}
    graded = grade(notebook(RIGHT | {"q1": "def triple(values):\n    raise ValueError('long ' * 99)"}))
    assert graded.questions[0].cases[0].hint.endswith("long ...")


def test_of_two_assignments_with_one_name_the_nearer_counts(tiny, tmp_path, monkeypatch):
    for place in ("far/assignments/tiny", "far/near/assignments/tiny", "far/assignments/other"):
        shutil.copytree(tiny.folder, tmp_path / place)
    monkeypatch.chdir(tmp_path / "far" / "near")
    assert load_assignment("tiny").folder == tmp_path / "far" / "near" / "assignments" / "tiny"
    assert load_assignment("other").folder == tmp_path / "far" / "assignments" / "other"
    assert load_assignment("a1").name == "a1_seeing"
    with pytest.raises(ValueError, match="tiny, other, a1_seeing"):
        load_assignment("a99")


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\tx",
        " =1",
        "\u00a0=1",
        "|x",
        "%x",
        "\u200b=1",
        " \u200d\uff1d1",
        "\uff0b1",
        "\u202e@x",
        "\uff0d1",
    ],
)
def test_no_cell_is_a_formula(cell):
    assert escape_formula(cell) == f"'{cell}"
    assert escape_formula("O'Hara") == "O'Hara"


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_every_student_and_no_zero_for_our_errors(tiny, tmp_path, format):
    students = ["anna", "=HYPERLINK(1)", 'Zoë "Zo", O\'Hara', "../../evil", "broken"]
    results = [result(student) for student in students[:-1]] + [
        result("broken", (0.0, 0.0, 0.0), "grader error")
    ]
    path = export(tiny, results, format, tmp_path / "out")
    if format == "gradescope":
        files = sorted(path.glob("*/results.json"))
        assert len(files) == 5 and all(file.resolve().is_relative_to(path) for file in files)
        scores = [json.loads(file.read_text()).get("score") for file in files]
        assert sorted(scores, key=str) == [7, 7, 7, 7, None]
        assert len(json.loads(files[0].read_text())["tests"]) == 3
        return
    rows = list(csv.reader(io.StringIO(path.read_text())))
    assert len({len(row) for row in rows}) == 1
    names = [row[0] for row in rows]
    assert "anna" in names and 'Zoë "Zo", O\'Hara' in names and "'=HYPERLINK(1)" in names
    by_name = dict(zip(names, rows, strict=True))
    assert "7" in by_name["anna"] and "0" not in by_name["broken"][2:5]


def test_a_table_read_with_semicolons_has_no_formula_either():
    text = table(["student", "note"], [["anna;=1+1", 'x";=2'], ["bert", "fine"]])
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row]
    assert not any(cell.lstrip('"').startswith("=") for cell in cells)


@settings(max_examples=500, deadline=None)
@given(
    st.text(
        st.sampled_from("=+-@|%\uff1d\uff0b\uff0d\uff20 ;\t,\"'\n\r\u200b\u2060\ufeff\u00ad\u00a0\u202ea1"),
        max_size=8,
    )
)
def test_fuzzed_cells_are_no_formulas_whatever_separates_the_cells(note):
    text = table(["student", "note"], [[note, "fine"]])
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            for cell in row:
                visible = "".join(
                    letter for letter in cell if unicodedata.category(letter) not in ("Cf", "Zs", "Cc")
                )
                assert unicodedata.normalize("NFKC", visible)[:1] not in tuple("=+-@|%"), (separator, text)


def test_an_unknown_format_lists_them(tiny, tmp_path):
    with pytest.raises(ValueError, match="csv, canvas, moodle, gradescope"):
        export(tiny, [], "excel", tmp_path / "x")


def test_names_become_files_that_stay_apart_and_in_their_folder():
    names = ["a/b", "a_b", "a%b", "..", ".", "", "-x", "CON:", "ä b", "a\nb"]
    safe = [safe_name(name) for name in names]
    assert len(set(safe)) == len(names)
    assert not any(
        re.search(r'[/\\\n:"<>|?*]', name) or name.startswith((".", "-")) or not name for name in safe
    )


def test_no_two_students_share_a_page_or_a_folder_where_case_does_not_count(tiny, tmp_path):
    students = [
        "Anna",
        "anna",
        "ANNA",
        "Stra\u00dfe",
        "strasse",
        "\ufb01x",
        "fix",
        "bert",
        "%41nna",
        "x" * 240 + "a",
        "X" * 240 + "a",
    ]
    names = file_names(students)
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in names.values()}) == len(students)
    assert names["bert"] == "bert" and all(len(f"{name}.html".encode()) < 200 for name in names.values())
    results = [result(student) for student in students]
    count, problems = feedback.write_pages(tiny, results, tmp_path / "pages")
    export(tiny, results, "gradescope", tmp_path / "gradescope")
    assert (count, problems) == (len(students), [])
    assert {path.stem for path in (tmp_path / "pages").iterdir()} == set(names.values())
    assert {path.name for path in (tmp_path / "gradescope").iterdir()} == set(names.values())


DUE = parse_datetime("2026-05-10 12:00")


@pytest.mark.parametrize(
    ("hours", "bank", "days", "free", "factor"),
    [
        (-1, 2, 0, 0, 1),
        (1, 2, 0, 0, 1),
        (1.01, 2, 1, 1, 1),
        (24.5, 2, 2, 2, 1),
        (49, 2, 3, 2, 0.75),
        (49, 0, 3, 0, 0.25),
        (24 * 30, 2, 30, 2, 0),
    ],
)
def test_late_days_with_grace_and_a_bank(hours, bank, days, free, factor):
    policy = LatePolicy(DUE, grace_hours=1, per_day=0.25, bank=bank)
    found = lateness(policy, (DUE + timedelta(hours=hours)).timestamp())
    assert (found.days, found.free, found.factor) == (days, free, pytest.approx(factor))


@pytest.mark.parametrize(
    ("due", "submitted", "days"),
    [
        # The end of summer time: 24.5 hours later, but before 20:00 on Sunday.
        ("2026-10-24 20:00 Europe/Berlin", "2026-10-25 19:30 Europe/Berlin", 1),
        ("2026-10-24 20:00 Europe/Berlin", "2026-10-25 20:30 Europe/Berlin", 2),
        # Its beginning: 23.5 hours later, but after 20:00 on Sunday.
        ("2026-03-28 20:00 Europe/Berlin", "2026-03-29 20:30 Europe/Berlin", 2),
        ("2026-03-28 20:00 Europe/Berlin", "2026-03-29 19:59 Europe/Berlin", 1),
        ("2026-10-24 20:00 America/New_York", "2026-10-25 19:30 America/New_York", 1),
        # In the hour that comes twice: 45 minutes late, though the clock shows less than the due time.
        ("2026-10-25 02:30 Europe/Berlin", "2026-10-25 02:15+01:00", 1),
        # A time is over with its minute, a date with its day.
        ("2026-05-31 23:59 Europe/Berlin", "2026-05-31 23:59:45 Europe/Berlin", 0),
        ("2026-05-31 23:59 Europe/Berlin", "2026-06-01 00:00:00 Europe/Berlin", 1),
        ("2026-05-31 23:59:00 Europe/Berlin", "2026-05-31 23:59:45 Europe/Berlin", 1),
        ("2026-05-31 23:59+02:00", "2026-05-31 23:59:45+02:00", 0),
        ("2026-05-31 Europe/Berlin", "2026-05-31 23:59:59 Europe/Berlin", 0),
        ("2026-05-31 Europe/Berlin", "2026-06-01 00:01 Europe/Berlin", 1),
        ("2026-05-31", "2026-05-31 18:00", 0),
        ("2026-05-31", "2026-06-01 18:00", 1),
        ("2026-05-31", "2026-06-02 00:00", 2),
    ],
)
def test_days_are_those_of_the_clock_where_it_was_due(due, submitted, days):
    assert lateness(LatePolicy(parse_due(due)), parse_datetime(submitted).timestamp()).days == days


@pytest.mark.parametrize("here", ["Europe/Berlin", "America/Los_Angeles", "UTC"])
def test_a_due_date_without_a_zone_is_one_of_this_machine(here, monkeypatch):
    monkeypatch.setenv("TZ", here)
    time.tzset()
    try:
        for due, submitted, days in (
            ("2026-10-24 20:00", "2026-10-25 19:30", 1),
            ("2026-03-28 20:00", "2026-03-29 20:30", 2),
        ):
            handed_in = parse_datetime(f"{submitted} {here}").timestamp()
            assert lateness(LatePolicy(parse_due(due)), handed_in).days == days
    finally:
        monkeypatch.undo()
        time.tzset()


def test_late_points_are_in_the_table_and_the_reached_ones_stay(tiny, tmp_path):
    late = [result(submitted=(DUE + timedelta(days=3)).timestamp()), result("bert")]
    found, lines = class_lateness(tiny, late, LatePolicy(DUE, per_day=0.1), marked={"bert"})
    assert lines == [
        "no time of handing in is known, so counted as in time: bert",
        "but the platform marks as late: bert",
    ]
    path = export(tiny, late, "csv", tmp_path / "x.csv", late=found)
    anna, bert = csv.DictReader(io.StringIO(path.read_text()))
    assert (anna["points"], anna["late_days"], anna["final"]) == ("7", "3", "4.9")
    assert (bert["late_days"], bert["final"]) == ("unknown", "7")


def test_times_and_policies_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no date"):
        parse_datetime("tomorrow")
    with pytest.raises(ValueError, match="'Berlin' .* is no time zone"):
        parse_due("2026-05-31 23:59 Berlin")
    with pytest.raises(ValueError, match="between 0 and 1"):
        LatePolicy(DUE, per_day=10)
    (tmp_path / "times.csv").write_text("student,submitted\nanna,2026-05-11 12:00\n")
    assert read_times(tmp_path / "times.csv")[0]["anna"] == datetime(2026, 5, 11, 12).astimezone().timestamp()
    (tmp_path / "times.csv").write_text("name,when\n")
    with pytest.raises(ValueError, match="columns"):
        read_times(tmp_path / "times.csv")


LONG = """
def triple(values):
    rows = []
    for number, row in enumerate(values):
        if number % 2 == 0:
            rows.append([entry * 3 for entry in row])
        else:
            rows.append([entry + entry + entry for entry in row])
    return np.array(rows).reshape(values.shape)
"""
OTHER = """
def triple(values):
    flat = values.ravel().copy()
    position = 0
    while position < flat.size:
        flat[position] *= 3
        position += 1
    assert flat.shape[0] == values.size, "all of them"
    return flat.reshape(*values.shape)
"""


COPIES = {
    "renamed": LONG.replace("rows", "lines").replace("entry", "e").replace("number", "i") + "# mine\n",
    "parentheses": LONG.replace("entry * 3", "((entry) * (3))").replace(
        "np.array(rows)", "(np.array((rows)))"
    ),
    "annotations": LONG.replace("triple(values):", "triple(values: np.ndarray) -> np.ndarray:").replace(
        "rows =", "rows: list ="
    ),
    "junk": LONG.replace("    rows = []", "    x = 7\n    pass\n    rows = []\n    'text'")
    .replace(
        "        if number",
        "        print(number)\n        unused = len(row)\n        row = row\n        if number",
    )
    .replace("    return", "    if False:\n        return None\n    assert True\n    return"),
    "other junk": LONG.replace("    for", "    counter = [0]\n    counter.append(len(counter))\n    for"),
    "a docstring": LONG.replace("    rows =", '    """Triple it."""\n    rows ='),
    "other numbers": LONG.replace("entry * 3", "entry * 3.0"),
    "a cell of more": f"import math\n\ndef helper():\n    return 5\n{LONG}",
    "invalid": f"{LONG}\n%magic\nthis is no code",
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_look_alikes_whatever_is_done_to_them(tiny, name):
    answers = {"anna": LONG, "bert": COPIES[name], "carl": OTHER, "dora": "pass"}
    results = [result(student, code=code) for student, code in answers.items()]
    assert {group.students for group in similar_answers(tiny, results)} == {("anna", "bert")}


OBVIOUS = "def triple(values):\n    result = values * 3\n    return result"


def test_a_solution_that_a_third_of_the_class_shares_is_shown_and_the_obvious_one_is_not(tiny):
    assignments = Path(__file__).parents[2] / "assignments"
    alternates = [
        path.read_text() for path in sorted(assignments.glob("a[3-6]_*/instructor/alternates/*.py"))
    ]
    answers = {f"own {number}": code for number, code in enumerate(alternates[:20])}
    answers |= {f"copy {number}": LONG.replace("rows", f"rows{number}") for number in range(15)}
    answers |= {f"obvious {number}": OBVIOUS.replace("result", f"r{number}") for number in range(15)}
    results = [result(student, code=code) for student, code in answers.items()]
    groups = [group for group in similar_answers(tiny, results) if group.question == "q1"]
    assert [group.students for group in groups] == [tuple(sorted(f"copy {number}" for number in range(15)))]
    assert "15 in q1, 100%: copy 0, copy 1, copy 10" in str(class_report(tiny, results))


def test_alternates_of_the_assignments_are_no_look_alikes(tiny):
    """Two right answers to one question, written differently, beside the reference."""
    for name in ("a1", "a2", "a3", "a4", "a5", "a6"):
        assignment = load_assignment(name)
        for question in assignment.questions:
            if (name, question.name) == (
                "a2",
                "q5",
            ):  # both hold the same Grad-CAM, which is not what is asked
                continue
            answers = [
                variant.code
                for variant in variants(assignment, "alternates")
                if variant.question == question.name
            ]
            answers.append(assignment.answer_cell(question.name).source)
            results = [
                Result(f"{number}", "graded", (QuestionResult(question.name, "passed", 1, 1, code=code),))
                for number, code in enumerate(answers)
            ]
            assert not similar_answers(assignment, results), (name, question.name)


def test_the_report_tells_hard_questions_and_those_that_tell_strong_from_weak(tiny):
    results = [result(f"s{n}", (4.0 if n > 4 else 0.0, 2.0 if n > 4 else 0.0, 1.0)) for n in range(10)]
    results += [result("late", (0.0, 0.0, 0.0), "unreadable"), result("x", (0.0, 0.0, 0.0), "grader error")]
    found = class_report(tiny, results)
    assert len(found.points) == 10 and found.students == 12
    assert found.questions[0].share == 0.5 and found.questions[0].discrimination == pytest.approx(1)
    assert found.questions[2].share == 1 and found.questions[2].discrimination is None
    assert "5 x a hint" in str(found) and "mean 4.0" in str(found)
    assert "0 graded" in str(class_report(tiny, []))


def test_points_are_never_rounded_into_another_grade():
    assert (
        export_module._number(2.0) == 2
        and export_module._number(1 / 3) == 0.3333
        and export_module._number(None) == ""
    )
    assert POINTS == 7
