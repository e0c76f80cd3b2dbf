"""Whether an assignment is fit for a class: its reference, stub, mutants and alternates get what they must, and its notebooks run.

A mutant is a file in `instructor/mutants`, named after its question ("q3_no_copy.py"): a plausible wrong answer, with the mistake in the
first line of its docstring and "Hint: ..." with words of the hint that it must get. An alternate, in `instructor/alternates`, is a right
answer written differently.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cnnlab.grading import probes, releasing
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.comparing import difference, plain
from cnnlab.grading.measuring import MEASURES
from cnnlab.grading.questions import Question
from cnnlab.grading.runner import Runner
from cnnlab.grading.running import networks
from cnnlab.grading.running.frames import decode, encode
from cnnlab.grading.scoring import QuestionResult, Result, grade_submission
from cnnlab.grading.submissions import read

SECRET = b"validate"
LEAST = {"mutants": 3, "alternates": 2}
LEAST_MARGIN, MARGIN_STUDENTS = 0.05, 2


@dataclass(frozen=True)
class Finding:
    """What was tried, whether it came out as it must, and how."""

    what: str
    holds: bool
    how: str

    def __str__(self) -> str:
        return f"{'ok    ' if self.holds else 'FAILED'} {self.what}: {self.how}"


@dataclass(frozen=True)
class Variant:
    """A mutant or an alternate: its question, what it is, the words of the hint that it must get ("" for an alternate), its code."""

    name: str
    question: str
    about: str
    hint: str
    code: str


def variants(assignment: Assignment, kind: str) -> list[Variant]:
    """The mutants or the alternates of an assignment.

    Raises
    ------
    ValueError
        If a file names no question, or a mutant no hint.
    """
    found = []
    for path in sorted((assignment.instructor / kind).glob("*.py")):
        code = path.read_text(encoding="utf-8")
        about, _, hint = (ast.get_docstring(ast.parse(code)) or "").partition("Hint:")
        question = path.stem.partition("_")[0]
        assignment.question(question)
        if kind == "mutants" and not hint.strip():
            raise ValueError(f'{path.name} says no hint: its docstring needs a line "Hint: ...".')
        found.append(Variant(path.stem, question, about.strip(), hint.strip(), code))
    return found


def validate(assignment: Assignment, runner: Runner, *, notebooks: bool = True) -> Iterable[Finding]:
    """Try everything, one finding after the other; with `notebooks`, nbval runs the source and the student version too."""
    yield from _counts(assignment)
    yield _whole("the reference", grade_filled(assignment, None, runner), {"passed"})
    yield _whole("the stub", grade_filled(assignment, {}, runner), {"not attempted"})
    for variant, one in graded(assignment, variants(assignment, "mutants"), runner):
        hints = [case.hint for case in one.cases if case.hint]
        fits = any(variant.hint in hint for hint in [*hints, *one.notes])
        how = f"{one.points:g} of {one.out_of:g}" + ("" if fits else f"; the hint does not fit: {hints}")
        yield Finding(f"mutant {variant.name}", one.points < one.out_of and fits, how)
    for variant, one in graded(assignment, variants(assignment, "alternates"), runner):
        hints = "; ".join(case.hint for case in one.cases if case.hint)
        how = f"{one.points:g} of {one.out_of:g}" + (f": {hints}" if hints else "")
        yield Finding(f"alternate {variant.name}", one.status == "passed", how)
    for question in assignment.questions:
        if not all(case.measures for case in question.cases):
            yield rounding(assignment, question)
        if any(case.measures for case in question.cases):
            yield margin(assignment, question)
    if notebooks:
        yield from _notebooks(assignment)


def graded(
    assignment: Assignment, found: list[Variant], runner: Runner
) -> Iterable[tuple[Variant, QuestionResult]]:
    """The result of each variant; one submission holds a variant of every question, so that there are few to run."""
    waiting = list(found)
    while waiting:
        together = {variant.question: variant for variant in reversed(waiting)}
        result = grade_filled(assignment, {name: variant.code for name, variant in together.items()}, runner)
        for variant in together.values():
            waiting.remove(variant)
            yield variant, next(one for one in result.questions if one.question == variant.question)


def grade_filled(assignment: Assignment, answers: dict[str, str] | None, runner: Runner) -> Result:
    """The result of a notebook with these answers; the source's own where `answers` is None."""
    with tempfile.TemporaryDirectory(prefix="cnnlab-validate-") as folder:
        path = Path(folder, "submission.ipynb")
        releasing.write(releasing.filled(assignment, answers), path)
        return grade_submission(assignment, "validate", read(path), runner=runner, secret=SECRET)


def rounding(assignment: Assignment, question: Question) -> Finding:
    """Whether the tolerance is wider than rounding: the reference in float32 against itself in float64, on the same inputs."""
    worst = 0.0
    for case in question.cases:
        if case.measures:
            continue
        inputs = probes.draw(SECRET, assignment.name, question, case, "rounding")
        single, double = networks.live(inputs), networks.live(inputs)
        double = {key: _double(value) for key, value in double.items()}
        one, other = question.reference(**single), question.reference(**double)
        if difference(_double(one), _double(other), question.tolerance) is not None:
            return Finding(
                f"tolerance of {question.name}",
                False,
                f"{case.name}: float32 and float64 differ by more than the tolerance",
            )
        worst = max(worst, _share(plain(one), plain(other), question))
    return Finding(
        f"tolerance of {question.name}",
        worst <= 0.2,
        f"rounding takes {worst:.1%} of it, at most 20 % are allowed",
    )


def margin(assignment: Assignment, question: Question) -> Finding:
    """Whether what is asked for lies well below what the reference reaches, for students of whom each has inputs of their own."""
    least, how = 1.0, ""
    for number in range(MARGIN_STUDENTS):
        for case in question.cases:
            if not case.measures:
                continue
            inputs = probes.draw(SECRET, assignment.name, question, case, f"margin {number}")
            value = decode(encode(question.reference(**networks.live(case.given(inputs)))))
            for measure in case.measures:
                reached = MEASURES[measure.name](value, inputs)
                if reached - measure.least < least:
                    least = reached - measure.least
                    how = f"{case.name}: {measure.name} {reached:.0%}, {measure.least:.0%} are asked for"
    return Finding(f"margin of {question.name}", least >= LEAST_MARGIN, how)


def _counts(assignment: Assignment) -> Iterable[Finding]:
    for kind, least in LEAST.items():
        names = [variant.question for variant in variants(assignment, kind)]
        few = [question.name for question in assignment.questions if names.count(question.name) < least]
        yield Finding(
            f"{kind} of every question",
            not few,
            f"fewer than {least}: {', '.join(few)}" if few else f"{len(names)} in all",
        )


def _whole(what: str, result: Result, wanted: set[str]) -> Finding:
    statuses = {one.question: one.status for one in result.questions}
    wrong = {name: status for name, status in statuses.items() if status not in wanted}
    said = ", ".join(f"{name} {status}" for name, status in wrong.items()) or f"{result.points:g} points"
    return Finding(what, not wrong and bool(statuses), result.note or said)


def _double(value):
    if isinstance(value, torch.nn.Module):
        return value.double()
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.double()
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.float64)
    if isinstance(value, list | tuple):
        return type(value)(_double(part) for part in value)
    if isinstance(value, dict):
        return {key: _double(part) for key, part in value.items()}
    return value


def _share(one, other, question: Question) -> float:
    """The largest deviation, strays left out, as a share of the tolerance."""
    if isinstance(one, dict):
        return max(_share(one[key], other[key], question) for key in one)
    if not isinstance(one, np.ndarray) or one.dtype.kind != "f" or not one.size:
        return 0.0
    allowed = question.tolerance.absolute + question.tolerance.relative * np.abs(other)
    shares = np.sort((np.abs(one.astype(np.float64) - other) / allowed), axis=None)
    return float(shares[len(shares) - 1 - int(question.tolerance.stray * len(shares))])


def _notebooks(assignment: Assignment) -> Iterable[Finding]:
    source, stub = assignment.instructor / "source.ipynb", assignment.folder / f"{assignment.name}.ipynb"
    for what, path in (
        ("nbval over the reference solution", source),
        ("nbval over the student version", stub),
    ):
        if not path.is_file():
            yield Finding(
                what, False, f"{path.name} is not there; `cnnlab release {assignment.name}` writes it"
            )
            continue
        if mute := _mute(path):
            yield Finding(what, False, f"checked cells with no stored output: {', '.join(mute)}")
            continue
        done = nbval(path)
        yield Finding(what, done.returncode == 0, (done.stdout.strip().splitlines() or ["no output"])[-1])


def nbval(path: Path, cell_timeout: int = 300) -> subprocess.CompletedProcess[str]:
    """Run a notebook in a fresh kernel, `cell_timeout` seconds a cell, and compare its checked cells with what is stored."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "--nbval-current-env",
        f"--nbval-cell-timeout={cell_timeout}",
        "--tb=short",
        "-q",
        "--color=no",
    ]
    settings = ["-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", "-o", "filterwarnings=default"]
    return subprocess.run(
        [*command, *settings, str(path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
    )


def _mute(path: Path) -> list[str]:
    """Checked cells with nothing stored: nbval would pass them without comparing."""
    import nbformat

    cells = nbformat.read(path, as_version=4).cells
    return [
        cell.id
        for cell in cells
        if cell.cell_type == "code" and "# NBVAL_CHECK_OUTPUT" in cell.source and not cell.outputs
    ]
