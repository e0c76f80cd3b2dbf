"""The grader's commands, from a source to the tables, and what they say when something is wrong."""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sample_class import RIGHT, hand_in, notebook
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.grading import batch, feedback, validation
from cnnlab.grading.answer_key import Case
from cnnlab.grading.assignment import load_assignment


def command(*arguments, code=0) -> str:
    done = CliRunner().invoke(app, [str(part) for part in arguments])
    assert done.exit_code == code, done.output
    return done.output


def test_from_release_to_report(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    room = tmp_path / "handed in"
    hand_in(room / "anna.ipynb", notebook())
    hand_in(room / "=bert.ipynb", notebook(RIGHT | {"q1": "def triple(values): return values * 2"}))
    hand_in(room / "carl.ipynb", "{")
    (room / "dora.ipynb").symlink_to("/etc/passwd")
    assert "checks.json" in command("release", tiny.folder, "--out", tmp_path / "out", "--no-run")
    said = command("grade", tiny.folder, room, "--feedback", tmp_path / "pages", "--without-walls")
    assert "4 submissions: 2 graded, 2 unreadable" in said and "sandbox: " in said
    assert "needs a human: dora: unreadable: it cannot be opened: it is a link" in said
    assert "needs a human: carl: unreadable" in said
    assert len(list((tmp_path / "pages").iterdir())) == 4
    assert "graded now: 0" in command("grade", tiny.folder, room, "--without-walls")
    for format in ("csv", "canvas", "moodle", "gradescope"):
        command("export", tiny.folder, "--format", format, "--due", "2026-01-01 10:00", "--bank", 2)
    assert "'=bert" in (tmp_path / "tiny_csv.csv").read_text()
    report = command("report", tiny.folder)
    assert "4 submissions, 2 graded" in report and "1 x that is twice as much" in report


MEMBERS = """login,name,group,late_days,section
anna,Anna Beer,one,1,north
carl,Carl Day,one,,north
=bert,Bert Eve,,,
dora,Dora Fox,,,
"""


@pytest.fixture
def graded(tiny, runner, tmp_path, monkeypatch):
    """A course whose class is graded from a download of Canvas; the folder of the course is this one."""
    monkeypatch.setattr(batch, "Runner", lambda *walls, **rooms: contextlib.nullcontext(runner))
    monkeypatch.chdir(tmp_path)
    Path("roster.csv").write_text(MEMBERS, encoding="utf-8")
    hand_in(Path("down/beeranna_LATE_1_11_tiny.ipynb"), notebook())
    hand_in(
        Path("down/evebert_2_12_tiny-2.ipynb"),
        notebook(RIGHT | {"q1": "def triple(values): return values * 2"}),
    )
    hand_in(Path("down/stranger_3_13_tiny.ipynb"), notebook(RIGHT))
    said = command("collect", tiny.folder, "down", "--roster", "roster.csv")
    assert (
        "canvas is collected; there are 3 files of 3 students" in said
        and "stranger is not in the roster" in said
    )
    command("grade", tiny.folder, "handed_in", "--without-walls")
    return tiny.folder


def rows(path) -> dict[str, dict[str, str]]:
    return {
        row["student"]: row for row in csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines())
    }


def test_a_class_goes_from_a_download_to_tables_and_pages_that_the_platform_takes(tiny, graded):
    said = command("export", graded, "--roster", "roster.csv", "--due", "2026-06-01")
    assert "stranger is not in the roster" in said and "1 of 4 have handed in nothing: dora" in said
    assert "no time of handing in is known, so counted as in time: =bert, anna, carl, stranger" in said
    assert "but the platform marks as late: anna" in said and "graded in: " in said
    table = rows("tiny_csv.csv")
    assert set(table) == {"anna", "carl", "'=bert", "dora", "stranger"}
    assert table["anna"]["final"] == table["carl"]["final"] == "7" and table["carl"]["name"] == "Carl Day"
    assert (table["dora"]["status"], table["dora"]["final"], table["dora"]["q1"]) == ("not handed in", "", "")
    assert all(row["walls"] for row in table.values())
    said = command("export", graded, "--format", "feedback", "--roster", "roster.csv")
    assert "tiny_feedback.zip has 3 pages" in said
    with zipfile.ZipFile("tiny_feedback.zip") as archive:
        assert archive.namelist() == [
            "beeranna_LATE_1_11_tiny_feedback.html",
            "evebert_2_12_tiny_feedback.html",
            "stranger_3_13_tiny_feedback.html",
        ]
        page = archive.read("evebert_2_12_tiny_feedback.html").decode()
    assert "that is twice as much" in page and "=bert" in page and "Graded in: " in page
    said = command("report", graded, "--roster", "roster.csv")
    assert "3 submissions, 3 graded" in said and "dora" in said


def test_a_regrade_request_stays_in_the_table_when_grades_are_exported_anew(graded):
    command("export", graded)
    text = Path("tiny_csv.csv").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("anna"))
    asked = text.replace(line, f'{line}"=q2, please"')
    Path("tiny_csv.csv").write_text(asked, encoding="utf-8")
    command("export", graded)
    assert rows("tiny_csv.csv")["anna"]["regrade_request"] == "'=q2, please"
    command("gradebook", "rename", "anna", "anna2")
    assert "a regrade_request of anna, who has no row now" in command("export", graded, code=1)
    assert rows("tiny_csv.csv")["anna"]["regrade_request"] == "'=q2, please", "nothing is written over it"


def test_the_time_of_a_file_is_never_that_of_handing_in(graded):
    """Without the platform's table no time is known, however old the files are; and with it, those alone are known that it has."""
    words = ("export", graded, "--due", "1999-01-01")
    assert "no time of handing in is known, so counted as in time: =bert, anna, stranger" in command(*words)
    assert {(row["late_days"], row["final"] == row["points"]) for row in rows("tiny_csv.csv").values()} == {
        ("unknown", True)
    }
    Path("tiny_collected.csv").write_text("student,submitted\nanna,1999-01-03 10:00\n")
    assert "so counted as in time: =bert, stranger\n" in command(*words)
    late = {student: row["late_days"] for student, row in rows("tiny_csv.csv").items()}
    assert (late["anna"], late["'=bert"]) == ("2", "unknown")


def test_free_days_are_spent_once_however_often_grades_are_exported(graded):
    Path("times.csv").write_text("student,submitted\nanna,2026-06-03 10:00\n=bert,2026-05-30\n")
    words = (
        "export",
        graded,
        "--roster",
        "roster.csv",
        "--due",
        "2026-06-01 12:00",
        "--collected",
        "times.csv",
    )
    for _ in range(2):
        assert "roster.csv has the free days that were spent" in command(*words)
        table = rows("tiny_csv.csv")
        assert (table["anna"]["late_days"], table["anna"]["free_days"], table["anna"]["final"]) == (
            "2",
            "1",
            "6.3",
        )
        assert (table["carl"]["free_days"], table["carl"]["final"]) == ("0", "5.6"), (
            "the group's hand-in, own days"
        )
        assert "anna,Anna Beer,one,1,north,1" in Path("roster.csv").read_text()


def test_canvas_moodle_and_gradescope_read_back_what_was_written(tiny, graded):
    """As their imports do it: Canvas by the login and the assignment's column, Moodle by the user name, Gradescope by its names."""
    for format in ("canvas", "moodle", "gradescope"):
        command("export", graded, "--format", format, "--roster", "roster.csv")
    head, possible, *lines = csv.reader(Path("tiny_canvas.csv").read_text(encoding="utf-8").splitlines())
    assert head[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"] and possible[5] == "7"
    assert ["Anna Beer", "", "", "anna", "north", "7"] in lines and [
        "Dora Fox",
        "",
        "",
        "dora",
        "",
        "",
    ] in lines
    moodle = {
        row["username"]: row for row in csv.DictReader(Path("tiny_moodle.csv").read_text().splitlines())
    }
    assert float(moodle["anna"]["tiny"]) == 7 and moodle["dora"]["tiny"] == ""
    assert "q1 4/4 passed" in moodle["anna"]["feedback"] and "graded in: " in moodle["anna"]["feedback"]
    assert {path.name for path in Path("tiny_gradescope").iterdir()} == {"anna", "carl", "=bert", "stranger"}
    results = json.loads(Path("tiny_gradescope/anna/results.json").read_text())
    assert results["score"] == sum(test["score"] for test in results["tests"]) == 7
    assert (
        all(test["score"] <= test["max_score"] for test in results["tests"])
        and "graded in: " in results["output"]
    )


def test_one_student_alone_and_a_dry_run_say_what_and_why(tiny, graded):
    hand_in(Path("handed_in/eve.ipynb"), notebook())
    hand_in(Path("handed_in/fred.ipynb"), notebook())
    hand_in(Path("handed_in/anna/tiny.ipynb"), notebook({}))
    words = ("grade", graded, "handed_in", "--without-walls")
    said = command(*words, "--dry-run")
    assert "eve: not graded yet" in said and "anna: the submission, the key or the grader has changed" in said
    assert "3 of 5 submissions would be graded" in said
    assert "1 of 1 submissions would be graded" in command(*words, "--dry-run", "--only", "=bert", "--again")
    assert "1 submissions: 1 graded" in command(*words, "--only", "eve")
    said = command(*words, "--dry-run")
    assert "eve" not in said and "fred: not graded yet" in said, "nobody else was graded"
    assert "Did you mean" in command(*words, "--only", "ann", code=1)


def test_a_running_class_is_shown_until_it_is_stopped(tiny, graded, monkeypatch):
    def stop(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("cnnlab.grading.report.time.sleep", stop)
    monkeypatch.setenv("COLUMNS", "120")
    said = command("report", graded, "--live")
    assert "tiny: 3 submissions: 3 graded" in said and "stranger" in said and "7 / 7" in said


def test_rows_are_renamed_merged_and_removed_in_the_terminal(graded):
    assert "stranger is now dora; tiny: stranger had 7 points" in command(
        "gradebook", "rename", "stranger", "dora"
    )
    assert "both have a result for tiny" in command("gradebook", "rename", "dora", "anna", code=1)
    assert "dora is merged into anna" in command("gradebook", "merge", "dora", "anna")
    assert "=bert is removed" in command("gradebook", "remove", "=bert")
    assert "stranger" in command("gradebook", "remove", "stranger", code=1)
    assert command("gradebook", "log").count("\n") == 3


def test_a_page_that_fails_is_named_and_the_others_are_written(tiny, runner, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "Runner", lambda *walls, **rooms: contextlib.nullcontext(runner))
    whole = feedback.page

    def page(assignment, result):
        if result.student == "anna":
            raise RuntimeError("no page today")
        return whole(assignment, result)

    monkeypatch.setattr(feedback, "page", page)
    monkeypatch.chdir(tmp_path)
    for student in ("anna", "bert"):
        hand_in(tmp_path / "room" / f"{student}.ipynb", notebook())
    said = command(
        "grade",
        tiny.folder,
        tmp_path / "room",
        "--feedback",
        tmp_path / "pages",
        "--without-walls",
        code=1,
    )
    assert "2 submissions: 2 graded" in said and "1 pages of feedback" in said
    assert "anna: there is no page: RuntimeError: no page today" in said
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["bert.html"], "whole, or not at all"


def test_the_exit_code_is_0_only_if_all_were_graded(tiny, runner, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "Runner", lambda *walls, **rooms: contextlib.nullcontext(runner))
    monkeypatch.chdir(tmp_path)
    hand_in(tmp_path / "room" / "anna.ipynb", notebook())
    words = ("grade", tiny.folder, "room", "--without-walls")
    with monkeypatch.context() as broken:
        broken.setattr(runner, "run", lambda *arguments: 1 / 0)
        assert "1 grader error" in command(*words, code=1)
    assert "1 graded" in command(*words)
    (tmp_path / "gradebook.sqlite").write_bytes(b"")
    assert "bring it back from a copy" in command(*words, code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("grade", "a99", "."), "a99"),
        (("grade", "{tiny}", "nowhere"), "nowhere is not a folder"),
        (("grade", "{tiny}", "{empty}"), "is empty"),
        (("grade", "{tiny}", ".", "--gradebook", "no/such/folder/x"), "no folder"),
        (("grade", "{tiny}", ".", "--tier", "castle"), "namespaces"),
        (("report", "{tiny}"), "cnnlab grade"),
        (("export", "{tiny}", "--due", "soon"), "no date"),
        (("check", "nowhere.ipynb"), "no notebook"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tiny, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    places = {"tiny": tiny.folder, "empty": tmp_path / "empty"}
    done = CliRunner().invoke(app, [part.format(**places) for part in arguments])
    assert done.exit_code == 1 and said in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_a_key_and_a_source_that_do_not_agree_are_told(tiny, tmp_path):
    shutil.copytree(tiny.folder, tmp_path / "other")
    key = tmp_path / "other" / "instructor" / "key.py"
    key.write_text(key.read_text().replace('"q3"', '"q4"'))
    assert "do not agree" in command("validate", tmp_path / "other", code=1)


def test_a_mistyped_gradebook_is_no_new_one(tiny, runner, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "Runner", lambda *walls, **rooms: contextlib.nullcontext(runner))
    monkeypatch.chdir(tmp_path)
    hand_in(tmp_path / "room" / "anna.ipynb", notebook())
    words = ("grade", tiny.folder, "room", "--without-walls", "--gradebook", "gradebok.sqlite")
    assert "cnnlab grade --new" in command(*words, code=1) and not (tmp_path / "gradebok.sqlite").exists()
    assert "1 graded" in command(*words, "--new")


def test_hidden_inputs_that_a_second_hand_in_could_look_up_are_refused(tiny):
    def cases(*, public=False, **inputs):
        return (Case("it", lambda draw: inputs | {"new": draw.normal()}, 1, public=public),)

    question = tiny.question("q1")
    assert validation.check_draws(tiny, question).passed
    picture = np.ones((3, 4, 4))
    for given, passed in (
        (cases(picture=picture), False),
        (cases(picture=picture, public=True), True),
        (cases(rate=0.5, shifts=np.array([1, 2]), nothing=picture[:0]), True),
        ((Case("it", lambda draw: {"rate": 0.5}, 1),), False),
        ((Case("it", lambda draw: {}, 1),), True),
    ):
        said = validation.check_draws(tiny, replace(question, cases=given))
        assert said.passed is passed and (passed or "the same for every hand-in: it: " in said.details)


def test_points_and_names_that_do_not_agree_are_refused(tiny, tmp_path):
    shutil.copytree(tiny.folder, tmp_path / "other")
    key = tmp_path / "other" / "instructor" / "key.py"
    key.write_text(key.read_text().replace('"more numbers"', '"numbers"'))
    source = key.with_name("source.ipynb")
    source.write_text(source.read_text().replace('"q2-test"', '"q2-tests"'))
    said = validation._check_points(load_assignment(tmp_path / "other"))
    assert not said.passed and "q1 is worth 4, in the notebook 1;" in said.details
    assert "q2 is worth 2, in the notebook 0;" in said.details and "q3" not in said.details
    assert "the test cell q2-tests is of no question; q1 has two cases 'numbers'" in said.details
