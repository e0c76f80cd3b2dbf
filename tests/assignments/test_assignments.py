"""Each assignment is fit for a class: mutants lose points with a hint that fits, alternates keep them, the stub is not attempted."""

from __future__ import annotations

import importlib
import json
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

import cnnlab
from cnnlab.grading import release
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.notebook_runs import nbval
from cnnlab.grading.public_tests import write_checks
from cnnlab.grading.runner import Runner
from cnnlab.grading.sandbox.confinement import TIERS
from cnnlab.grading.scoring import grade_submission
from cnnlab.grading.submissions import read
from cnnlab.grading.validation import validate, variants

FOLDER = Path(__file__).resolve().parents[2] / "assignments"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/instructor"))

each = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def runner():
    with Runner(TIERS, draws=True) as made:
        yield made


def test_the_first_assignment_is_there():
    assert "a1_seeing" in NAMES


def modules_called(stem):
    """The kit's modules and rooms of this name."""
    found = pkgutil.walk_packages(cnnlab.__path__, "cnnlab.", onerror=lambda name: None)
    return [importlib.import_module(one.name) for one in found if one.name.endswith(f".{stem}")]


@each
def test_what_may_not_be_imported_is_there(name):
    """A forbidden name that the kit does not have forbids nothing."""
    for question in load_assignment(FOLDER / name).questions:
        for forbidden in question.forbidden_names:
            stem, _, attribute = forbidden.rpartition(".")
            modules = modules_called(stem)
            assert not modules or any(hasattr(module, attribute) for module in modules), forbidden


@each
def test_everything_that_a_class_needs_holds(name, runner):
    findings = list(validate(load_assignment(FOLDER / name), runner, notebooks=False))
    assert len(findings) > 30
    assert not [str(finding) for finding in findings if not finding.passed]


@each
def test_right_answers_get_all_points_from_everybody_also_at_once(name, runner, tmp_path):
    assignment = load_assignment(FOLDER / name)
    release.write(release.with_answers(assignment, None), tmp_path / "right.ipynb")
    submission = read(tmp_path / "right.ipynb")

    def graded(number):
        return grade_submission(assignment, f"{number}", submission, runner=runner, secret=b"everybody")

    with ThreadPoolExecutor(2) as two:
        results = list(two.map(graded, range(6)))
    points = sum(question.points for question in assignment.questions)
    assert [(one.status, one.points, one.note) for one in results] == [("to be marked", points, "")] * 6


@each
def test_the_student_version_is_what_release_makes(name, tmp_path):
    assignment = load_assignment(FOLDER / name)
    lies_there = nbformat.read(FOLDER / name / f"{name}.ipynb", as_version=4)
    for cell in lies_there.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None  # nbval compares them
    assert lies_there == release.student_version(assignment)
    assert lies_there.metadata["cnnlab"] == {"assignment": name} and "widgets" not in lies_there.metadata
    write_checks(assignment, tmp_path / "checks.json")
    kept, made = (json.loads((folder / "checks.json").read_text()) for folder in (FOLDER / name, tmp_path))
    head = ("assignment", "title", "questions", "written")
    assert [kept[key] for key in head] == [made[key] for key in head] and kept["written"] == ["w1"]


@each
def test_the_student_version_gives_nothing_away(name):
    text = (FOLDER / name / f"{name}.ipynb").read_text()
    assert "BEGIN" not in text and "passes_public_tests(" not in text
    assignment = load_assignment(FOLDER / name)
    notebook = nbformat.read(FOLDER / name / f"{name}.ipynb", as_version=4)
    answers = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    assert len(answers) == len(assignment.every_question)
    ends = {"code": "raise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}
    assert all(cell.source.rstrip().endswith(ends[cell.cell_type]) for cell in answers)


@each
def test_points_of_the_test_cells_are_those_of_the_key(name):
    assignment = load_assignment(FOLDER / name)
    tests = {cell.grade_id: cell.points for cell in assignment.cells if cell.role == "test"}
    assert tests == {f"{question.name}-test": question.points for question in assignment.questions}


@each
def test_there_is_a_written_question_about_a_picture_of_ones_own(name):
    assignment = load_assignment(FOLDER / name)
    texts = {cell.grade_id: cell.points for cell in assignment.texts if cell.role == "written"}
    assert texts == {question.name: question.points for question in assignment.written} and texts
    for question in assignment.written:
        assert len(question.criteria) >= 3 and question.comments
        notebook = nbformat.read(FOLDER / name / "instructor" / "source.ipynb", as_version=4)
        (look,) = (cell for cell in notebook.cells if cell.id in question.beside)
        assert look.source.startswith("my_seed = ")
        assert any({"image/png", "image/jpeg"} & set(output.get("data", {})) for output in look.outputs)


@each
def test_every_question_has_public_cases_mutants_and_alternates(name):
    assignment = load_assignment(FOLDER / name)
    for question in assignment.questions:
        assert any(case.public for case in question.cases), question.name
        assert sum(one.question == question.name for one in variants(assignment, "mutants")) >= 3
        assert sum(one.question == question.name for one in variants(assignment, "alternates")) >= 2


@each
@pytest.mark.slow
@pytest.mark.parametrize("which", ["student", "source"])
def test_notebooks_give_what_they_have_stored(name, which):
    path = FOLDER / name / (f"{name}.ipynb" if which == "student" else "instructor/source.ipynb")
    done = nbval(path)
    assert done.returncode == 0, done.stdout[-4000:]
