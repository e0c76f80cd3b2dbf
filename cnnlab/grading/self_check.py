"""`cnnlab check`: the public tests on a notebook of one's own, in the terminal.

The whole notebook is run as in the grading, by the same runner, but with the reader's own permissions: for one's own work. Where a
process cannot be forked (Windows), it runs in this process.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

from cnnlab.grading import probes
from cnnlab.grading.answer_key import Question
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.cell_matching import CODE_CELL
from cnnlab.grading.limits import Limits
from cnnlab.grading.public_tests import FILE, find_checks, first_hint, read_by_a_person, read_checks
from cnnlab.grading.runner import Runner
from cnnlab.grading.sandbox.confinement import WITHOUT_WALLS
from cnnlab.grading.scoring import NO_ANSWER, grade_submission
from cnnlab.grading.submissions import Submission, read

LIMITS = Limits()  # of the cells, as in the grading


def check_notebook(path: Path | None = None) -> Iterator[str]:
    """A line for each question of the assignment: passed, not attempted, or not yet with a hint; and one for those in words.

    Parameters
    ----------
    path
        The notebook; by default the only one in this folder.

    Raises
    ------
    FileNotFoundError
        If there is no notebook, or no `checks.json` beside it.
    ValueError
        If there are several notebooks to choose from, or the notebook cannot be read.
    """
    path = path or _only_notebook()
    if not path.is_file():
        raise FileNotFoundError(f"there is no notebook {path}.")
    checks = find_checks(path.parent)
    if checks is None:
        raise FileNotFoundError(
            f"there is no {FILE} beside {path.name}; it comes with the assignment's notebook."
        )
    submission = read(path)
    if submission.error:
        raise ValueError(f"{path.name} cannot be read: {submission.error}.")
    questions, written = read_checks(checks), read_by_a_person(checks)
    run = _graded if hasattr(os, "fork") else _run_here
    yield from run(questions, submission, path.parent)
    if written:
        yield f"{', '.join(written)}: in words, which a person reads and marks"


def _run_here(questions: tuple[Question, ...], submission: Submission, folder: Path) -> Iterator[str]:
    """The lines from this process, where none can be forked."""
    names, errors = _run([cell.source for cell in submission.cells if not cell.is_test], folder)
    yield from errors
    for question in questions:
        try:
            hint = first_hint(question, names)
        except NotImplementedError:
            yield f"{question.name}: not attempted"
        else:
            yield f"{question.name}: passed" if hint is None else f"{question.name}: not yet - {hint}"


def _graded(questions: tuple[Question, ...], submission: Submission, folder: Path) -> Iterator[str]:
    """The lines from the grader itself, with the public cases and no walls; what never ends is stopped."""
    public = Assignment(folder, submission.assignment or "", "", questions, ())
    with Runner([WITHOUT_WALLS]) as runner:
        result = grade_submission(
            public, "you", submission, runner=runner, secret=probes.PUBLIC, limits=LIMITS
        )
    stops = [note for question in result.questions for note in question.notes if note.startswith(CODE_CELL)]
    yield from dict.fromkeys([*stops, *([result.note] if result.status == "grader error" else [])])
    for question, tested in zip(result.questions, questions, strict=True):
        hints = [case.hint for case in question.cases if case.hint not in ("", NO_ANSWER)]
        hints += [note for note in question.notes if not note.startswith(CODE_CELL)]
        if not tested.cases:
            yield f"{tested.name}: it has no public test"
        elif question.points == question.out_of:
            yield f"{tested.name}: passed"
        elif question.status == "not attempted":
            yield f"{tested.name}: not attempted"
        else:
            yield " - ".join([f"{tested.name}: not yet", *hints[:1]])


def _run(sources: list[str], folder: Path) -> tuple[dict, list[str]]:
    """The names that the cells define, and a line for each cell that failed; printed output and figures are not shown."""
    import matplotlib

    from cnnlab.grading.sandbox import cell_runner

    matplotlib.use("Agg")
    names, errors, cwd = cell_runner.namespace(), [], Path.cwd()
    os.chdir(folder)
    try:
        for number, source in enumerate(sources, 1):
            try:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    cell_runner.run(source, f"<cell {number}>", names)
            except NotImplementedError:  # a stub was called
                pass
            except Exception as error:
                errors.append(f"code cell {number} stopped with {type(error).__name__}: {error}")
    finally:
        os.chdir(cwd)
    return names, errors


def _only_notebook() -> Path:
    notebooks = sorted(Path.cwd().glob("*.ipynb"))
    if not notebooks:
        raise FileNotFoundError(
            "there is no notebook here: go to the assignment's folder, or name the notebook."
        )
    if len(notebooks) > 1:
        names = ", ".join(path.name for path in notebooks)
        raise ValueError(f"there are several notebooks here; name the one to check: {names}.")
    return notebooks[0]
