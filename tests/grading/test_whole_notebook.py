"""The whole notebook is run, without its test cells, and `check` and the grading mean the same by it."""

from __future__ import annotations

import contextlib
import json
import time

import nbformat
import pytest
from sample_class import POINTS, RIGHT, STUBS, cell, hand_in, marks, notebook, with_essay, write_assignment

from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.cell_matching import match, runnable_cells
from cnnlab.grading.limits import Limits
from cnnlab.grading.public_tests import write_checks
from cnnlab.grading.scoring import grade_submission
from cnnlab.grading.self_check import check_notebook
from cnnlab.grading.submissions import read

OWN = {  # cells of their own, the answer to q1, and what it gets in the check and in the grading
    "a star import": (["from math import *"], "return values * floor(3.5)", "passed"),
    "a changed entry": (["CONFIG = {}", "CONFIG['k'] = 3"], "return values * CONFIG['k']", "passed"),
    "a changed attribute": (["np.three = 3"], "return values * np.three", "passed"),
    "a global switch": (
        ["import torch\ntorch.set_grad_enabled(False)"],
        "import torch\n    return values * (2 + (not torch.is_grad_enabled()))",
        "passed",
    ),
    "a name made by exec": (["exec('three = 3')"], "return values * three", "passed"),
    "a loop over globals": (["globals().update(three=3)"], "return values * three", "passed"),
    "a cell that spoils it": (["np.abs = None", "three = 4"], "return values * three", "not yet"),
    "a cell with an error": (["1 / 0", "three = 3"], "return values * three", "passed"),
    "what the sandbox has not": (
        ["import cnnlab.attribution\nthree = 3"],
        "return values * three",
        "not yet",
    ),
    "a cell that ends it all": (["import os\nos._exit(0)", "three = 3"], "return values * three", "passed"),
    "an endless loop": (["while True: pass", "three = 3"], "return values * three", "passed"),
}


@pytest.mark.parametrize("name", OWN)
def test_a_cell_of_ones_own_means_the_same_in_check_and_grading(
    tiny, grade, runner, tmp_path, monkeypatch, name
):
    more, body, verdict = OWN[name]
    content = notebook(RIGHT | {"q1": f"def triple(values):\n    {body}"}, more=more)
    result = grade(content, limits=Limits(seconds=10, cpu=3))
    assert (result.questions[0].status == "passed") == (verdict == "passed"), result.questions[0]
    assert result.points >= 3, "the other questions are graded as ever"
    write_checks(tiny, tmp_path / "checks.json")
    (tmp_path / "mine.ipynb").write_text(json.dumps(content))
    monkeypatch.setattr("cnnlab.grading.self_check.LIMITS", Limits(seconds=10, cpu=3))
    monkeypatch.setattr("cnnlab.grading.self_check.Runner", lambda tiers: contextlib.nullcontext(runner))
    lines = list(check_notebook(tmp_path / "mine.ipynb"))
    assert any(line.startswith(f"q1: {verdict}") for line in lines), lines
    if name in ("an endless loop", "a cell that ends it all"):
        assert lines[0].startswith("code cell 2 was stopped: it "), (
            "it says so, though nothing needs that cell"
        )


def test_test_cells_are_not_run(tiny, grade, tmp_path):
    content = notebook()
    content["cells"].append(cell("np = None", marks("q1-test", grade=True, locked=True, points=4)))
    assert grade(content).points == POINTS


def test_a_stub_beside_an_answer_is_not_run(tiny, grade):
    content = notebook()
    content["cells"].append(cell(f"# question: q1\n{STUBS['q1']}", marks("q1", solution=True)))
    assert grade(content).points == POINTS


def test_set_up_is_the_students_and_then_the_sources(tiny, grade):
    content = notebook(RIGHT | {"q1": "def triple(values): return values * floor(3.5)"})
    content["cells"][0]["source"] = "from math import *\nnp = None"
    assert grade(content).points == POINTS
    del content["cells"][0]
    content["cells"].insert(0, cell("from math import *"))
    assert grade(content).points == POINTS


def test_cells_given_are_run_only_if_something_uses_them(tmp_path, runner):
    folder = write_assignment(tmp_path / "tiny")
    source = folder / "instructor" / "source.ipynb"
    given = ["photos = [3]", "figure = photos * 2", "import os\nos._exit(0)"]
    book = nbformat.read(source, as_version=4)
    book.cells[1:1] = [nbformat.v4.new_code_cell(text) for text in given]
    nbformat.write(book, source)
    assignment = load_assignment(folder)
    for body, run in {
        "return values * 3": [],
        "photos = 3; return values * photos": [],
        "return values * figure[0]": given[:2],
        "return values * photos[0]": given[:1],
    }.items():
        content = notebook(RIGHT | {"q1": f"def triple(values):\n    {body}"}, more=given)
        submission = read(hand_in(tmp_path / "x.ipynb", content))
        cells = runnable_cells(assignment, submission, match(assignment, submission))
        assert [part.source for part in cells if part.source in given] == run
        result = grade_submission(assignment, "anna", submission, runner=runner, secret=b"x")
        assert result.points == POINTS


@pytest.mark.parametrize(
    ("look", "body", "is_run"),
    [
        ("my_seed = 4711", "return values * 3", False),
        ("my_seed = 4711", "return values * (my_seed - 4708)", True),
        ("my_seed = 4711\nimport os", "return values * 3", True),
        ("other = 4711", "return values * 3", True),
    ],
)
def test_a_picture_beside_a_written_answer_is_not_drawn_again(tmp_path, look, body, is_run):
    """With a number of one's own it is the cell that was given; with any other change it is the student's."""
    assignment = load_assignment(write_assignment(tmp_path / "tiny", written=True))
    content = with_essay(
        notebook(RIGHT | {"q1": f"def triple(values):\n    {body}"}), "The meadow.", look=look
    )
    submission = read(hand_in(tmp_path / "x.ipynb", content))
    cells = runnable_cells(assignment, submission, match(assignment, submission))
    assert (look in [part.source for part in cells]) == is_run


def test_endless_cells_together_take_the_time_of_one_notebook(tmp_path, runner):
    assignment = load_assignment(write_assignment(tmp_path / "tiny", seconds=2, cpu=2))
    content = notebook(more=["while True: pass"] * 8)
    submission = read(hand_in(tmp_path / "x.ipynb", content))
    started = time.monotonic()
    result = grade_submission(
        assignment, "anna", submission, runner=runner, secret=b"x", limits=Limits(seconds=2, cpu=2)
    )
    assert time.monotonic() - started < 14, "8 cells of 2 s; the limits together are 8 s"
    assert {question.status for question in result.questions} == {"timeout"}
    assert "the whole notebook" in result.questions[0].notes[-1]


@pytest.mark.parametrize("own", ["stub", "nothing"])
@pytest.mark.parametrize("where", ["the test cell", "one new cell", "one new cell above"])
def test_answers_in_other_cells_are_graded_and_go_to_a_human(grade, where, own):
    content = notebook({} if own == "stub" else None)
    if own == "nothing":
        content["cells"] = content["cells"][:1]
    if where == "the test cell":
        content["cells"] += [
            cell(source, marks(f"{name}-test", grade=True, locked=True, points=1))
            for name, source in RIGHT.items()
        ]
    else:
        content["cells"].insert(
            1 if "above" in where else len(content["cells"]), cell("\n\n".join(RIGHT.values()))
        )
    result = grade(content)
    assert result.points == POINTS
    assert {question.status for question in result.questions} == {"needs review"}
    assert "the answer was found by" in result.questions[0].review[0]


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("def triple(values):\n    raise NotImplementedError('no such layout')", "error", "no such layout"),
        (
            "def triple(values): return other(values)\ndef other(values): raise NotImplementedError",
            "error",
            "from `other`",
        ),
        ("def triple(values):\n    import torch\n    return torch.zeros(2 ** 45)", "memory", "allocate"),
        ("def triple(values): return np.zeros(2 ** 45)", "memory", "MemoryError"),
        ("def triple(values): return await_me", "passed", ""),
        ("%%writefile mine.py\nfactor = 3", "needs review", ""),
        (
            "get_ipython().run_line_magic('matplotlib', 'inline')\ndef triple(values): return values * 3",
            "passed",
            "",
        ),
    ],
)
def test_statuses_are_those_of_what_happened(grade, source, status, words):
    more = []
    if "await_me" in source:
        source = (
            "import asyncio\nfactor = await asyncio.sleep(0, 3)\ndef triple(values): return values * factor"
        )
    if "writefile" in source:
        more, source = [source], "import mine\ndef triple(values): return values * mine.factor"
    result = grade(notebook(RIGHT | {"q1": source}, more=more))
    question = result.questions[0]
    assert question.status == status, question
    assert words in " ".join(case.hint for case in question.cases)


WRONG = "def triple(values): return 5"


@pytest.mark.parametrize("where", ["an answer cell", "a new cell", "the same cell", "the cell of q2"])
def test_a_right_answer_before_a_wrong_one_goes_to_a_human(grade, where):
    content = notebook()
    if "new" in where or "answer" in where:
        content["cells"].append(cell(WRONG, marks("q1", solution=True) if "answer" in where else {}))
    else:
        content["cells"][1 if "same" in where else 2]["source"] += f"\n\n{WRONG}"
    result = grade(content)
    assert [question.status for question in result.questions] == ["needs review", "passed", "passed"]
    assert "the last one was graded" in result.questions[0].review[0]


def test_trials_before_the_answer_and_copies_after_it_need_no_human(grade):
    content = notebook(more=[WRONG, "answer = 41"])
    content["cells"] += [cell(RIGHT["q1"] + "  # a copy"), cell(WRONG, marks("q1-test", grade=True))]
    assert grade(content).status == "graded"


IN_TEXT = {  # type of the cell, its metadata, and how the answer to q1 is written in it
    "turned into text": ("markdown", marks("q1", solution=True), "{}"),
    "turned into a raw cell": ("raw", marks("q1", solution=True), "{}"),
    "in a fence": ("markdown", {}, "My answer:\n```python\n{}\n```"),
    "below its marker": ("raw", {}, "# question: q1\nI would multiply by three."),
}


@pytest.mark.parametrize("stub", [False, True])
@pytest.mark.parametrize("name", IN_TEXT)
def test_an_answer_that_is_no_code_cell_goes_to_a_human(tiny, runner, tmp_path, name, stub):
    kind, metadata, text = IN_TEXT[name]
    content = notebook({**RIGHT, "q1": STUBS["q1"]})
    if not stub:
        content["cells"] = [
            one for one in content["cells"] if one["metadata"].get("nbgrader", {}).get("grade_id") != "q1"
        ]
    added = {"cell_type": kind, "metadata": metadata, "source": text.format(RIGHT["q1"])}
    content["cells"].append(added)
    path = hand_in(tmp_path / "anna.ipynb", content)
    result = grade_submission(tiny, "anna", read(path), runner=runner, secret=b"s")
    first, *others = result.questions
    assert (result.status, first.status, first.points) == ("needs review", "needs review", 0)
    assert "no code cell" in first.review[0] and first.code == added["source"]
    assert all(question.status == "passed" for question in others)


@pytest.mark.parametrize("text", [STUBS["q1"], "I do not know triple.", "```\nx = triple(3)\n```"])
def test_text_that_is_no_answer_is_not_taken_for_one(tiny, runner, tmp_path, text):
    content = notebook({**RIGHT, "q1": STUBS["q1"]})
    content["cells"].append({"cell_type": "markdown", "metadata": {}, "source": text})
    path = hand_in(tmp_path / "anna.ipynb", content)
    result = grade_submission(tiny, "anna", read(path), runner=runner, secret=b"s")
    assert (result.status, result.questions[0].status) == ("graded", "not attempted")
