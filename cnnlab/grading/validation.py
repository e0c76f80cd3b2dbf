"""Validation of an assignment: its reference, stub, mutants and alternates get the expected results, and its notebooks run.

A mutant is a file in `instructor/mutants`, named after its question ("q3_no_copy.py"): a plausible wrong answer, with the mistake in the
first line of its docstring and "Hint: ..." with words of the expected hint. An alternate, in `instructor/alternates`, is a right
answer written differently.
"""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cnnlab.grading import probes, release
from cnnlab.grading.answer_key import Question
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.comparison import difference, plain
from cnnlab.grading.model_scoring import MEASURES
from cnnlab.grading.notebook_runs import nbval, unstored_outputs
from cnnlab.grading.runner import Runner
from cnnlab.grading.sandbox import probe_networks
from cnnlab.grading.sandbox.wire_format import decode, encode
from cnnlab.grading.scoring import QuestionResult, Result, grade_submission
from cnnlab.grading.submissions import read

SECRET = b"validate"
MIN_VARIANTS = {"mutants": 3, "alternates": 2}
MIN_MARGIN, MARGIN_STUDENTS = 0.05, 2


@dataclass(frozen=True)
class ValidationResult:
    """Result of one validation step: what was tested, whether it passed, and details."""

    subject: str
    passed: bool
    details: str

    def __str__(self) -> str:
        return f"{'ok    ' if self.passed else 'FAILED'} {self.subject}: {self.details}"


@dataclass(frozen=True)
class Variant:
    """A mutant or an alternate: question, description, words of the expected hint ("" for an alternate), code."""

    name: str
    question: str
    description: str
    hint: str
    code: str


def variants(assignment: Assignment, kind: str) -> list[Variant]:
    """The mutants or the alternates of an assignment.

    Raises
    ------
    ValueError
        If a file names no question, or a mutant no hint.
    """
    result = []
    for path in sorted((assignment.instructor / kind).glob("*.py")):
        code = path.read_text(encoding="utf-8")
        description, _, hint = (ast.get_docstring(ast.parse(code)) or "").partition("Hint:")
        question = path.stem.partition("_")[0]
        assignment.question(question)
        if kind == "mutants" and not hint.strip():
            raise ValueError(f'{path.name} says no hint: its docstring needs a line "Hint: ...".')
        result.append(Variant(path.stem, question, description.strip(), hint.strip(), code))
    return result


def validate(assignment: Assignment, runner: Runner, *, notebooks: bool = True) -> Iterable[ValidationResult]:
    """Run all validation steps and yield their results; with `notebooks`, nbval runs the source and the student version too."""
    yield from _check_counts(assignment)
    yield _check_points(assignment)
    if assignment.written:
        yield _check_written(assignment)
    yield _check_notebook("the reference", grade_filled(assignment, None, runner), {"passed", "to be marked"})
    yield _check_notebook("the stub", grade_filled(assignment, {}, runner), {"not attempted"})
    for variant, graded_question in grade_variants(assignment, variants(assignment, "mutants"), runner):
        hints = [case.hint for case in graded_question.cases if case.hint]
        fits = any(variant.hint in hint for hint in [*hints, *graded_question.notes])
        reached = f"{graded_question.points:g} of {graded_question.out_of:g}"
        details = reached if fits else f"{reached}; the hint does not fit: {hints}"
        loses = graded_question.points < graded_question.out_of
        yield ValidationResult(f"mutant {variant.name}", loses and fits, details)
    for variant, graded_question in grade_variants(assignment, variants(assignment, "alternates"), runner):
        hints = "; ".join(case.hint for case in graded_question.cases if case.hint)
        reached = f"{graded_question.points:g} of {graded_question.out_of:g}"
        details = f"{reached}: {hints}" if hints else reached
        yield ValidationResult(f"alternate {variant.name}", graded_question.status == "passed", details)
    for question in assignment.questions:
        yield check_draws(assignment, question)
        if not all(case.measures for case in question.cases):
            yield check_rounding(assignment, question)
        if any(case.measures for case in question.cases):
            yield check_margin(assignment, question)
    if notebooks:
        source, stub = assignment.instructor / "source.ipynb", assignment.folder / f"{assignment.name}.ipynb"
        yield _check_run("nbval over the reference solution", source, assignment)
        yield _check_run("nbval over the student version", stub, assignment)


def grade_variants(
    assignment: Assignment, candidates: list[Variant], runner: Runner
) -> Iterable[tuple[Variant, QuestionResult]]:
    """The result of each variant; one submission holds a variant of every question, so that fewer are run."""
    queue = list(candidates)
    while queue:
        together = {variant.question: variant for variant in reversed(queue)}
        result = grade_filled(assignment, {name: variant.code for name, variant in together.items()}, runner)
        for variant in together.values():
            queue.remove(variant)
            yield variant, next(item for item in result.questions if item.question == variant.question)


def grade_filled(assignment: Assignment, answers: dict[str, str] | None, runner: Runner) -> Result:
    """The result of a notebook with these answers; with the source's own if `answers` is None."""
    with tempfile.TemporaryDirectory(prefix="cnnlab-validate-") as folder:
        path = Path(folder, "submission.ipynb")
        release.write(release.with_answers(assignment, answers), path)
        # The inputs are the same however the file is written.
        submission = replace(read(path), digest="validate")
        return grade_submission(assignment, "validate", submission, runner=runner, secret=SECRET)


def check_draws(assignment: Assignment, question: Question) -> ValidationResult:
    """Check that a second hand-in cannot look up the hidden inputs of a first one.

    Pictures and other arrays of floats must differ, and in a case without any at least something. Empty arrays and cases
    without inputs hold nothing to look up.
    """
    fixed = []
    for case in question.cases:
        first, second = (
            {key: plain(value) for key, value in inputs.items()}
            for inputs in (probes.draw(SECRET, assignment.name, question, case, name) for name in ("1", "2"))
        )
        same = [key for key in first.keys() & second.keys() if _is_same(first[key], second[key])]
        floats = [key for key in same if _is_picture(first[key])]
        if not case.public and (floats or (same and len(same) == len(first))):
            fixed.append(f"{case.name}: {', '.join(sorted(floats or same))}")
    details = f"the same for every hand-in: {'; '.join(fixed)}; draw them, or make the case public"
    return ValidationResult(f"hidden inputs of {question.name}", not fixed, details if fixed else "drawn")


def _is_picture(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.dtype.kind in "fc"


def _is_same(value: Any, other: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.size > 0 and np.array_equal(value, other)
    return repr(value) == repr(other)


def check_rounding(assignment: Assignment, question: Question) -> ValidationResult:
    """Check that the tolerance is wider than rounding: the reference in float32 against float64, on the same inputs."""
    worst = 0.0
    for case in question.cases:
        if case.measures:
            continue
        inputs = probes.draw(SECRET, assignment.name, question, case, "rounding")
        single, double = probe_networks.materialize(inputs), probe_networks.materialize(inputs)
        double = {key: _double(value) for key, value in double.items()}
        result32, result64 = question.reference(**single), question.reference(**double)
        if difference(_double(result32), _double(result64), question.tolerance) is not None:
            return ValidationResult(
                f"tolerance of {question.name}",
                False,
                f"{case.name}: float32 and float64 differ by more than the tolerance",
            )
        worst = max(worst, _tolerance_share(plain(result32), plain(result64), question))
    return ValidationResult(
        f"tolerance of {question.name}",
        worst <= 0.2,
        f"rounding takes {worst:.1%} of it, at most 20 % are allowed",
    )


def check_margin(assignment: Assignment, question: Question) -> ValidationResult:
    """Check that the required measures are well below those of the reference, for several students with their own inputs."""
    smallest, details = 1.0, ""
    for number in range(MARGIN_STUDENTS):
        for case in question.cases:
            if not case.measures:
                continue
            inputs = probes.draw(SECRET, assignment.name, question, case, f"margin {number}")
            value = decode(
                encode(question.reference(**probe_networks.materialize(case.call_arguments(inputs))))
            )
            for measure in case.measures:
                reached = MEASURES[measure.name](value, inputs)
                if reached - measure.minimum < smallest:
                    smallest = reached - measure.minimum
                    details = (
                        f"{case.name}: {measure.name} {reached:.0%}, {measure.minimum:.0%} are asked for"
                    )
    return ValidationResult(f"margin of {question.name}", smallest >= MIN_MARGIN, details)


def _check_counts(assignment: Assignment) -> Iterable[ValidationResult]:
    for kind, minimum in MIN_VARIANTS.items():
        names = [variant.question for variant in variants(assignment, kind)]
        few = [question.name for question in assignment.questions if names.count(question.name) < minimum]
        yield ValidationResult(
            f"{kind} of every question",
            not few,
            f"fewer than {minimum}: {', '.join(few)}" if few else f"{len(names)} in all",
        )


def _check_points(assignment: Assignment) -> ValidationResult:
    wrong, tests = [], {cell.grade_id: cell.points for cell in assignment.cells if cell.role == "test"}
    for question in assignment.questions:
        in_notebook = tests.pop(f"{question.name}-test", 0) + assignment.answer_cell(question.name).points
        if in_notebook != question.points:
            wrong.append(f"{question.name} is worth {question.points:g}, in the notebook {in_notebook:g}")
    wrong += [f"the test cell {name} is of no question" for name in tests]
    for question in assignment.questions:
        names = [case.name for case in question.cases]
        wrong += [
            f"{question.name} has two cases {name!r}" for name in sorted(set(names)) if names.count(name) > 1
        ]
    details = "; ".join(wrong) or f"{assignment.points:g} in all"
    return ValidationResult("points and names of the cases", not wrong, details)


def _check_written(assignment: Assignment) -> ValidationResult:
    """Each written question has a rubric worth what the notebook says, an answer as an example, and the cells that stand beside it."""
    wrong, ids = [], _cell_names(assignment.instructor / "source.ipynb")
    for question in assignment.written:
        cell = assignment.answer_cell(question.name)
        if cell.points != question.points:
            wrong.append(f"{question.name} is worth {question.points:g}, its cell {cell.points:g}")
        if any(criterion.points <= 0 for criterion in question.criteria):
            wrong.append(f"a line of {question.name}'s rubric has no points")
        if cell.stub.strip() == cell.solution.strip() or not cell.solution.strip():
            wrong.append(f"{question.name} has no answer between the marks of a solution")
        wrong += [f"{question.name} wants the cell {name}" for name in question.beside if name not in ids]
    details = "; ".join(wrong) or f"{len(assignment.written)} in all"
    return ValidationResult("written questions", not wrong, details)


def _cell_names(path: Path) -> set[str]:
    """What the cells of a notebook are called: their ids, and those that nbgrader gives them."""
    import nbformat

    cells = nbformat.read(path, as_version=4).cells
    return {
        name for cell in cells for name in (cell.get("id"), cell.metadata.get("nbgrader", {}).get("grade_id"))
    }


def _check_notebook(subject: str, result: Result, allowed: set[str]) -> ValidationResult:
    statuses = {item.question: item.status for item in result.questions}
    wrong = {name: status for name, status in statuses.items() if status not in allowed}
    details = ", ".join(f"{name} {status}" for name, status in wrong.items()) or f"{result.points:g} points"
    return ValidationResult(
        subject, not wrong and bool(statuses), "; ".join(filter(None, [result.note, details]))
    )


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


def _tolerance_share(value, expected, question: Question) -> float:
    """The largest deviation, without the allowed outliers, as a share of the tolerance."""
    if isinstance(value, dict):
        return max(_tolerance_share(value[key], expected[key], question) for key in value)
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not value.size:
        return 0.0
    allowed = question.tolerance.absolute + question.tolerance.relative * np.abs(expected)
    shares = np.sort((np.abs(value.astype(np.float64) - expected) / allowed), axis=None)
    return float(shares[len(shares) - 1 - int(question.tolerance.outlier_fraction * len(shares))])


def _check_run(subject: str, path: Path, assignment: Assignment) -> ValidationResult:
    if not path.is_file():
        said = f"{path.name} is not there; `cnnlab release {assignment.name}` writes it"
        return ValidationResult(subject, False, said)
    if unstored := unstored_outputs(path):
        return ValidationResult(subject, False, f"checked cells with no stored output: {', '.join(unstored)}")
    completed = nbval(path)
    last = (completed.stdout.strip().splitlines() or ["no output"])[-1]
    return ValidationResult(subject, completed.returncode == 0, last)
