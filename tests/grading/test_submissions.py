"""What is handed in is found and read whatever has been done to it, and what cannot be read says where."""

from __future__ import annotations

import json
import os

import pytest
from sample_class import POINTS, RIGHT, STUBS, cell, hand_in, marks, notebook

from cnnlab.grading.cell_matching import match, mismatch_reason
from cnnlab.grading.export import safe_name
from cnnlab.grading.submissions import find, read


def matched(tiny, tmp_path, content) -> dict:
    return match(tiny, read(hand_in(tmp_path / "x.ipynb", content)))


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("{", "line 1, column 2 (the file seems to be cut off)"),
        (json.dumps(notebook())[:-300], "cut off"),
        ("hello", "not JSON"),
        ("[1, 2]", "not a notebook"),
        ('{"cells": 3}', "not a notebook"),
        ('{"cells": [{"cell_type": "code", "source": 3}]}', "cell 1 is not text"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("[" * 200_000, "recursion"),
    ],
)
def test_what_cannot_be_read_says_where(tmp_path, content, trouble):
    assert trouble in read(hand_in(tmp_path / "x.ipynb", content)).error


@pytest.mark.parametrize(
    "content",
    [
        {"cells": []},
        {
            "cells": [
                None,
                3,
                {"cell_type": "code"},
                {"cell_type": "code", "source": ["a\n", "b"], "metadata": None},
            ]
        },
        {"worksheets": [{"cells": [{"cell_type": "code", "input": "a = 1"}]}]},
    ],
)
def test_odd_notebooks_can_be_read(tmp_path, content):
    assert read(hand_in(tmp_path / "x.ipynb", content)).error == ""


def test_links_and_other_things_that_are_no_files_are_not_opened(tmp_path):
    secret = hand_in(tmp_path / "secret.ipynb", notebook())
    (tmp_path / "link.ipynb").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe.ipynb")
    assert "link" in read(tmp_path / "link.ipynb").error
    assert "plain file" in read(tmp_path / "pipe.ipynb").error
    assert "directory" in read(tmp_path / "nowhere.ipynb").error


def test_a_folder_of_files_and_folders_is_a_class(tmp_path):
    room = tmp_path / "room"
    for name in ("anna.ipynb", "Søren = O'Brien.ipynb", "=cmd()|x.ipynb", "text.txt"):
        hand_in(room / name, notebook())
    hand_in(room / "bert" / "deep" / "renamed.ipynb", notebook())
    hand_in(room / "bert" / "deep" / ".ipynb_checkpoints" / "old.ipynb", notebook({}))
    hand_in(room / "carl" / "other.ipynb", notebook() | {"metadata": {"cnnlab": {"assignment": "a9"}}})
    hand_in(room / "carl" / "this.ipynb", notebook())
    (room / "dora").mkdir()
    (room / "emil").symlink_to(room / "bert")
    hand_in(room / ".hidden", "x")
    found = {one.student: one for one in find(room, "tiny")}
    assert set(found) == {"anna", "Søren = O'Brien", "=cmd()|x", "text", "bert", "carl", "dora", "emil"}
    assert found["bert"].path.name == "renamed.ipynb" and found["carl"].path.name == "this.ipynb"
    assert found["dora"].path is None and "link" in read(found["emil"].path).error


def test_of_two_notebooks_the_newest_is_taken_and_flagged(tmp_path):
    old, new = (hand_in(tmp_path / "anna" / name, notebook()) for name in ("b.ipynb", "a.ipynb"))
    os.utime(old, (1, 1))
    (found,) = find(tmp_path, "tiny")
    assert found.path == new and "a.ipynb" in found.notes[0]


def test_a_module_beside_the_notebook_is_named(tmp_path):
    hand_in(tmp_path / "anna" / "a1.ipynb", notebook())
    hand_in(tmp_path / "anna" / "my_tools.py", "factor = 3")
    (found,) = find(tmp_path, "tiny")
    assert found.path.name == "a1.ipynb" and found.notes == (
        "beside the notebook lies my_tools.py, which is not used",
    )


def test_two_files_that_differ_in_their_ending_are_two_submissions(tmp_path):
    for name in ("anna.ipynb", "anna.txt"):
        hand_in(tmp_path / name, "x")
    assert {one.student for one in find(tmp_path, "tiny")} == {"anna.ipynb", "anna.txt"}


def test_an_empty_folder_and_no_folder_are_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="empty"):
        find(tmp_path, "tiny")
    with pytest.raises(FileNotFoundError, match="not a folder"):
        find(tmp_path / "nowhere", "tiny")


@pytest.mark.parametrize(
    ("ids", "markers", "note"), [(True, False, ""), (False, True, "marker"), (False, False, "name")]
)
def test_cells_are_found_by_id_then_by_marker_then_by_name(tiny, tmp_path, ids, markers, note):
    found = matched(tiny, tmp_path, notebook(ids=ids, markers=markers))
    assert all(len(one.cells) == 1 and not one.review for one in found.values())
    assert all(note in " ".join(one.notes) and bool(one.notes) == bool(note) for one in found.values())


def test_stubs_without_ids_and_markers_are_stubs_still(tiny, tmp_path):
    found = matched(tiny, tmp_path, notebook({}, ids=False, markers=False))
    assert found["q1"].stub and found["q2"].stub


def test_a_copy_of_a_cell_is_no_trouble(tiny, tmp_path):
    content = notebook()
    content["cells"].append(content["cells"][1])
    content["cells"].insert(1, cell(f"# question: q1\n{STUBS['q1']}", marks("q1", solution=True)))
    one = matched(tiny, tmp_path, content)["q1"]
    assert len(one.cells) == 1 and not one.review and "several times" in one.notes[0]


def test_two_different_answers_are_flagged_and_the_last_counts(tiny, grade):
    content = notebook()
    content["cells"].append(cell("def triple(values): return values * 2", marks("q1", solution=True)))
    result = grade(content)
    assert result.questions[0].status == "needs review" and result.questions[0].points == 1
    assert "last one was graded" in result.questions[0].review[0]


def test_swapped_cells_are_graded_by_what_they_define(grade):
    content = notebook(RIGHT | {"q1": RIGHT["q2"], "q2": RIGHT["q1"]}, markers=False)
    assert grade(content).points == POINTS


def test_a_missing_cell_is_missing_and_the_rest_counts(grade):
    content = notebook()
    del content["cells"][1]
    result = grade(content)
    assert [one.status for one in result.questions] == ["missing", "passed", "passed"]


def test_helpers_in_cells_of_their_own_are_found(grade):
    more = [
        "factor = 3",
        "def unused(): raise SystemExit",
        "from math import floor as helper\nweight = factor",
        "1 / 0",
    ]
    content = notebook(RIGHT | {"q1": "def triple(values):\n    return values * helper(weight)"}, more=more)
    assert grade(content).points == POINTS


def test_set_up_comes_from_the_source(grade):
    content = notebook()
    content["cells"][0]["source"] = "np = None"
    assert grade(content).points == POINTS


def test_another_assignment_s_notebook_is_told(tiny, tmp_path):
    other = notebook() | {"metadata": {"cnnlab": {"assignment": "a9"}}}
    assert "a9" in mismatch_reason(tiny, read(hand_in(tmp_path / "x.ipynb", other)))
    nothing = {"cells": [cell("x = 1")], "metadata": {}}
    assert "no cell" in mismatch_reason(tiny, read(hand_in(tmp_path / "y.ipynb", nothing)))
    assert mismatch_reason(tiny, read(hand_in(tmp_path / "z.ipynb", notebook() | {"metadata": {}}))) == ""


def test_no_two_students_share_a_key_or_a_page(tmp_path):
    room = tmp_path / "room"
    long = "ä" * 120
    for name in (
        "anna.ipynb",
        "anna/x.ipynb",
        "M\u00fcller.ipynb",
        "Mu\u0308ller.ipynb",
        f"{long}a.ipynb",
        f"{long}b.ipynb",
    ):
        hand_in(room / name, notebook())
    for name in ("bert.txt", "bert.ipynb/x.ipynb", "bert/x.ipynb"):
        hand_in(room / name, notebook())
    students = [one.student for one in find(room, "tiny")]
    assert len(set(students)) == len(students) == 9
    assert {"anna", "anna.ipynb"} <= set(students)
    pages = [safe_name(student) for student in students]
    assert len(set(pages)) == 9 and all(len(f"{page}.html".encode()) < 200 for page in pages)
    assert students == [one.student for one in find(room, "tiny")], "the same each time"
