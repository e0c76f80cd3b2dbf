"""Written questions: from the source to the student, from what was handed in to what a marker sees, and to validation."""

from __future__ import annotations

import contextlib
import io
import json

import nbformat
import numpy as np
import pytest
from PIL import Image
from sample_class import ASKED, MODEL_ANSWER, RIGHT, hand_in, notebook, with_essay, write_assignment

from cnnlab.grading import feedback, release, untrusted
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.hint_sheet import hint_sheet
from cnnlab.grading.public_tests import read_by_a_person, write_checks
from cnnlab.grading.scoring import grade_submission
from cnnlab.grading.self_check import check_notebook
from cnnlab.grading.submissions import read
from cnnlab.grading.validation import _check_written, grade_filled


def png(side: int = 8, **how) -> bytes:
    written = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), 200, np.uint8)).save(written, "PNG", **how)
    return written.getvalue()


@pytest.fixture(scope="module")
def essay(tmp_path_factory):
    return load_assignment(write_assignment(tmp_path_factory.mktemp("essay") / "tiny", written=True))


@pytest.fixture
def marked(essay, runner, tmp_path):
    def marked(content):
        path = hand_in(tmp_path / "anna.ipynb", content)
        return grade_submission(essay, "anna", read(path), runner=runner, secret=b"secret")

    return marked


def test_students_get_neither_the_answer_nor_the_mark_scheme(essay, tmp_path):
    path = release.release(essay, tmp_path, run=False)
    text = path.read_text()
    for secret in ("BEGIN", "meadows", "MARK SCHEME", "be kind"):
        assert secret not in text, secret
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    answer = cells["w1-answer"]
    assert answer.source == "YOUR ANSWER HERE" and "editable" not in answer.metadata
    assert answer.metadata.deletable is False and answer.metadata.nbgrader.points == 4
    assert cells["w1-text"].source == ASKED


@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_a_solution_cell_without_marks_is_a_solution_as_a_whole(essay, tmp_path, kind):
    folder = write_assignment(tmp_path / "tiny", written=True)
    source = nbformat.read(folder / "instructor" / "source.ipynb", as_version=4)
    cell = next(one for one in source.cells if one.metadata.get("nbgrader", {}).get("solution"))
    if kind == "markdown":
        cell = source.cells[-1]
    cell.source = "secret = 1"
    nbformat.write(source, folder / "instructor" / "source.ipynb")
    released = release.student_version(load_assignment(folder))
    assert "secret" not in "".join(one.source for one in released.cells)


def test_a_written_answer_waits_for_a_person(marked):
    result = marked(with_essay(notebook(), "Because of the meadow.", picture=png(), look="my_seed = 4711"))
    answer = result.questions[-1]
    assert (result.status, answer.status, answer.points, answer.out_of) == (
        "to be marked",
        "to be marked",
        0,
        4,
    )
    assert answer.code == "Because of the meadow." and result.points == 7
    (exhibit,) = answer.exhibits
    assert (exhibit.name, exhibit.code, exhibit.alt) == ("w1-look", "my_seed = 4711", "a map over a sheep")
    assert Image.open(io.BytesIO(exhibit.picture)).getpixel((0, 0)) == (200, 200, 200)


@pytest.mark.parametrize(
    ("text", "status"),
    [("YOUR ANSWER HERE", "not attempted"), ("  \n", "not attempted"), ("x", "to be marked")],
)
def test_the_stub_is_not_attempted(marked, text, status):
    result = marked(with_essay(notebook(), text))
    assert result.questions[-1].status == status
    assert result.status == ("to be marked" if text == "x" else "graded")


def test_an_answer_in_another_cell_is_found_and_said(marked):
    content = with_essay(notebook(), "YOUR ANSWER HERE")
    content["cells"].append({"cell_type": "markdown", "source": ["The ", "meadow."], "metadata": {}})
    answer = marked(content).questions[-1]
    assert answer.code == "The meadow." and "other text cells" in answer.notes[0]
    content["cells"] = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert marked(content).questions[-1].status == "missing"


def test_an_answer_in_a_cell_that_was_made_code_is_found(marked):
    content = with_essay(notebook(), "# because of the meadow")
    content["cells"][-1] |= {"cell_type": "code", "outputs": [], "execution_count": None}
    result = marked(content)
    assert result.questions[-1].code == "# because of the meadow" and result.points == 7


def test_a_file_that_cannot_be_read_has_no_written_answer_either(marked):
    result = marked("{")
    assert [one.status for one in result.questions] == ["unreadable"] * 4 and result.questions[-1].out_of == 4


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "no base64 at all",
        "AAAA",
        png()[:40].hex(),
        "iVBORw0KGgoAAAANSUhEUgAAgAAAAIAACAYAAAD",
    ],
)
def test_what_is_no_picture_is_left_out(raw):
    assert untrusted.picture(raw) == b""


def test_a_picture_is_drawn_anew_and_bounded():
    import base64

    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("comment", "<script>alert(1)</script>")
    kept = untrusted.picture(base64.b64encode(png(pnginfo=info)).decode())
    assert kept.startswith(b"\x89PNG") and b"script" not in kept
    large = Image.open(io.BytesIO(untrusted.picture(base64.b64encode(png(1900)).decode())))
    assert max(large.size) == untrusted.MAX_SIDE
    assert untrusted.picture(base64.b64encode(png(2001)).decode()) == b"", "more pixels than are decoded"
    for kind, is_kept in (("JPEG", True), ("GIF", False), ("TIFF", False), ("BMP", False)):
        other = io.BytesIO()
        Image.new("RGB", (4, 4)).save(other, kind)
        kept = untrusted.picture(base64.b64encode(other.getvalue()).decode())
        assert kept.startswith(b"\x89PNG") is is_kept, kind


def test_a_huge_answer_is_cut_and_said(marked):
    answer = marked(with_essay(notebook(), "x" * 500_000)).questions[-1]
    assert len(answer.code) == untrusted.MAX_TEXT and "longer than" in answer.notes[0]


def test_what_turns_text_round_is_written_out():
    assert untrusted.visible("a\u202eb\u200b") == "a⟨U+202E⟩b⟨U+200B⟩"


@pytest.mark.parametrize(
    "outputs", [None, 3, [3], [{"data": 3}], [{"data": {"image/png": 3}}], [{"data": {"image/png": [1]}}]]
)
def test_odd_outputs_are_no_pictures(marked, outputs):
    content = with_essay(notebook(), "x")
    content["cells"][-2]["outputs"] = outputs
    content["cells"][-1]["attachments"] = outputs
    (exhibit,) = marked(content).questions[-1].exhibits
    assert exhibit.picture == b""


def test_feedback_says_that_it_waits(essay, marked):
    page = feedback.page(essay, marked(with_essay(notebook(RIGHT), "The <b>meadow</b>.")))
    assert "A person has yet to read this" in page and "7 of 11 points" in page
    assert "The &lt;b&gt;meadow&lt;/b&gt;." in page and "Your answer" in page


def test_a_student_s_own_check_says_who_reads_the_answers_in_words(essay, runner, tmp_path, monkeypatch):
    write_checks(essay, tmp_path / "checks.json")
    hand_in(tmp_path / "mine.ipynb", with_essay(notebook(), "The meadow."))
    monkeypatch.setattr("cnnlab.grading.self_check.Runner", lambda tiers: contextlib.nullcontext(runner))
    lines = list(check_notebook(tmp_path / "mine.ipynb"))
    assert lines[-1] == "w1: in words, which a person reads and marks" and lines[0] == "q1: passed"
    assert len(lines) == 4
    older = json.loads((tmp_path / "checks.json").read_text())
    del older["written"]
    (tmp_path / "checks.json").write_text(json.dumps(older))
    assert read_by_a_person(tmp_path / "checks.json") == []


def test_validation_compares_rubric_and_notebook(essay, runner, tmp_path):
    assert _check_written(essay).passed
    filled = grade_filled(essay, None, runner)
    assert {one.status for one in filled.questions} == {"passed", "to be marked"}
    assert filled.questions[-1].code == MODEL_ANSWER
    assert grade_filled(essay, {}, runner).questions[-1].status == "not attempted"
    folder = write_assignment(tmp_path / "tiny", written=True)
    key = folder / "instructor" / "key.py"
    key.write_text(key.read_text().replace('"says why", 2', '"says why", 3').replace('"w1-look"', '"w1-map"'))
    found = _check_written(load_assignment(folder))
    assert not found.passed and "w1 is worth 5, its cell 4" in found.details
    assert "w1 wants the cell w1-map" in found.details
    key.write_text(key.read_text().replace('"w1",', '"w2",'))
    with pytest.raises(ValueError, match="do not agree"):
        load_assignment(folder)


def test_the_hint_sheet_has_rubric_and_answer(essay):
    sheet = hint_sheet(essay)
    assert "- says why" in sheet and MODEL_ANSWER in sheet and "BEGIN" not in sheet
