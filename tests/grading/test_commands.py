"""The grader's commands, from a source to the tables, and what they say when something is wrong."""

from __future__ import annotations

import contextlib
import shutil

import pytest
from sample_class import RIGHT, hand_in, notebook
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.grading import batch, feedback, validation
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


def test_points_and_names_that_do_not_agree_are_refused(tiny, tmp_path):
    shutil.copytree(tiny.folder, tmp_path / "other")
    key = tmp_path / "other" / "instructor" / "key.py"
    key.write_text(key.read_text().replace('"more numbers"', '"numbers"'))
    said = validation._check_points(load_assignment(tmp_path / "other"))
    assert not said.passed and "q1 is worth 4, its test cell 1" in said.details
    assert "q1 has two cases 'numbers'" in said.details
