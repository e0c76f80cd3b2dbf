"""Scoring of a submission: match, run, compare, and give hints. One call is one submission.

Statuses are separate from scores. Of a question: passed, partial, failed, error, timeout, memory, not attempted, missing, needs review,
to be marked, marked, grader error. Of a submission as a whole: graded, to be marked, needs review, unreadable, missing, grader error. A
grader error is never a student's zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnlab.grading import probes, source_analysis, untrusted
from cnnlab.grading.answer_key import Question, Written
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.cell_matching import CellMatch, match, mismatch_reason, runnable_cells
from cnnlab.grading.comparison import difference, plain
from cnnlab.grading.hints import hint
from cnnlab.grading.limits import Limits
from cnnlab.grading.model_scoring import failed_measure
from cnnlab.grading.runner import Runner
from cnnlab.grading.runner_protocol import END_REASONS, ProbeResult, RunnableCell, RunResult
from cnnlab.grading.sandbox.call_record import SWITCHED_OFF, UNSEEN
from cnnlab.grading.sandbox.confinement import WITHOUT_WALLS
from cnnlab.grading.sandbox.wire_format import UnknownValue
from cnnlab.grading.submissions import Submission
from cnnlab.grading.thumbnails import thumbnail
from cnnlab.grading.written import Exhibit, written_answer

if TYPE_CHECKING:
    from cnnlab.grading.decisions import Decision

END_STATUS = {"time": "timeout", "processor": "timeout", "memory": "memory", "MemoryError": "memory"}
STUB = "NotImplementedError"  # without a message
NO_ANSWER = "there is no answer"
SENTENCES = {"exit": "it ended the whole process: {}"}  # of the others it is said that they were stopped


@dataclass(frozen=True)
class CaseResult:
    """Result of one case: name, points reached and possible, and the hint ("" if it is right)."""

    name: str
    points: float
    out_of: float
    hint: str = ""
    picture: bytes = b""


@dataclass(frozen=True)
class QuestionResult:
    """Result of one question: status, points, the cases, the graded code or text, notes for the student, and points for review.

    Of a written question there are `exhibits`, the pictures that stand beside it; `decision` is that of a person, where there is one.
    """

    question: str
    status: str
    points: float
    out_of: float
    cases: tuple[CaseResult, ...] = ()
    notes: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    code: str = ""
    text: str = ""
    exhibits: tuple[Exhibit, ...] = ()
    decision: Decision | None = None


@dataclass(frozen=True)
class Result:
    """Result of one submission: status, the questions, and the sandbox tier in which it ran.

    `submitted` is when it was handed in, in seconds since 1970, as the platform says it; 0 is a time that is not known.
    """

    student: str
    status: str
    questions: tuple[QuestionResult, ...] = ()
    note: str = ""
    sandbox: str = ""
    text: str = ""
    digest: str = ""
    submitted: float = 0.0
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def points(self) -> float:
        """The points of all questions."""
        return sum(question.points for question in self.questions)


def grade_submission(
    assignment: Assignment,
    student: str,
    submission: Submission,
    *,
    runner: Runner,
    secret: bytes,
    limits: Limits | None = None,
) -> Result:
    """Grade one submission; its errors are part of the result, and an error of the grader has its own status."""
    metadata = {"digest": submission.digest, "notes": submission.notes}
    if submission.error:
        status = "missing" if submission.error == "there is no file" else "unreadable"
        return Result(student, status, _no_points(assignment, status), submission.error, **metadata)
    if reason := mismatch_reason(assignment, submission):
        return Result(student, "missing", _no_points(assignment, "missing"), reason, **metadata)
    try:
        matched = match(assignment, submission)
        cells = runnable_cells(assignment, submission, matched)
        hand_in = probes.hand_in(student, submission.digest)
        answered = [
            one for one in assignment.questions if matched[one.name].cells and not matched[one.name].stub
        ]
        drawn = (secret, assignment.name)
        inputs_of = {one.name: probes.draw_all(*drawn, one, hand_in) for one in answered}
        requests = [probes.request(*drawn, one, hand_in, inputs_of[one.name]) for one in answered]
        run_result = runner.run(cells, requests, limits or Limits()) if requests else RunResult()
    except Exception as error:
        return replace(grader_error(assignment, student, error), sandbox=str(runner.sandbox), **metadata)
    results = tuple(
        _question_result(one, matched[one.name], cells, run_result, inputs_of.get(one.name, []))
        for one in assignment.questions
    )
    results += tuple(_written_result(assignment, question, submission) for question in assignment.written)
    broken = [result for result in results if result.status == "grader error"]
    failed = "; ".join(reason for result in broken for reason in result.review)
    status = "grader error" if failed else submission_status(results, submission.notes)
    text = run_result.text + ("\n..." if run_result.printed > len(run_result.text.encode()) else "")
    note = failed or (f"graded {WITHOUT_WALLS}" if runner.sandbox.tier == WITHOUT_WALLS else "")
    return Result(student, status, results, note, str(runner.sandbox), text, **metadata)


def submission_status(questions: tuple[QuestionResult, ...], notes: tuple[str, ...]) -> str:
    """The status of a submission that could be graded: what a person has yet to do comes first."""
    statuses = {question.status for question in questions}
    if notes or "needs review" in statuses:
        return "needs review"
    return "to be marked" if "to be marked" in statuses else "graded"


def grader_error(assignment: Assignment, student: str, error: Exception) -> Result:
    """The result of a submission on which the grader failed, which is not the student's fault and no zero."""
    return Result(student, "grader error", _no_points(assignment, "grader error"), _reason(error))


def _reason(error: Exception) -> str:
    return untrusted.line(f"{type(error).__name__}: {error}", 300)


def _no_points(assignment: Assignment, status: str) -> tuple[QuestionResult, ...]:
    return tuple(
        QuestionResult(question.name, status, 0.0, question.points) for question in assignment.every_question
    )


def _written_result(assignment: Assignment, question: Written, submission: Submission) -> QuestionResult:
    try:
        found = written_answer(assignment, question, submission)
    except Exception as error:
        reason = f"{question.name}: {_reason(error)}"
        return QuestionResult(question.name, "grader error", 0.0, question.points, review=(reason,))
    told = {"notes": found.notes, "code": found.text, "exhibits": found.exhibits}
    return QuestionResult(question.name, found.status, 0.0, question.points, **told)


def _question_result(
    question: Question,
    cell_match: CellMatch,
    cells: list[RunnableCell],
    run_result: RunResult,
    inputs_of_cases: list[dict[str, Any]],
) -> QuestionResult:
    out_of = question.points
    text = "\n\n".join(cell.source for cell in cell_match.texts or cell_match.cells)[:100_000]
    unscored = partial(QuestionResult, question.name, points=0.0, out_of=out_of, code=text)
    if cell_match.texts:
        return unscored("needs review", notes=cell_match.notes, review=cell_match.review)
    if not cell_match.cells:
        return unscored("missing", notes=("there is no cell for this question",))
    if cell_match.stub:
        return unscored("not attempted", notes=cell_match.notes)
    probe_result = run_result.results.get(question.name, ProbeResult())
    problems: list[str] = []  # of the grader, for the report
    try:
        results = tuple(
            _case_result(question, number, inputs, probe_result, problems)
            for number, inputs in enumerate(inputs_of_cases)
        )
    except Exception as error:
        return unscored("grader error", review=(f"{question.name}: {_reason(error)}",))
    points = sum(result.points for result in results)
    notes = [*cell_match.notes, *probe_result.side_effects]
    notes += _cell_notes(question, cells, run_result, probe_result)
    if probe_result.end_reason:
        notes.append(SENTENCES.get(probe_result.end_reason, "it was stopped: {}").format(probe_result.detail))
    status = _status(points, out_of, probe_result, run_result, question, cells)
    review = list(cell_match.review)
    if probe_result.end_reason == "lost":
        review.append("the guard of this question was lost; this may be the grader's fault")
    if points:
        review += _ready_made(question, cell_match, cells, run_result, probe_result)
    status, review = "needs review" if review else status, [*review, *problems]
    told = {"notes": tuple(dict.fromkeys(notes)), "code": text, "text": probe_result.text[:4000]}
    return QuestionResult(question.name, status, points, out_of, results, review=tuple(review), **told)


def _ready_made(
    question: Question,
    cell_match: CellMatch,
    cells: list[RunnableCell],
    run_result: RunResult,
    probe_result: ProbeResult,
) -> list[str]:
    """A line for each kind of code that may be the answer itself: written in its cells, or run when it was called."""
    used = set(probe_result.used)
    if question.variable:
        own = [number for number in run_result.used if cells[number].question in (question.name, None)]
        used.update(*(run_result.used[number] for number in own))
    blind = used & {SWITCHED_OFF, UNSEEN}
    lines = [f"{name} while the answer ran" for name in sorted(blind)]
    for cell in cell_match.cells:
        used |= {*source_analysis.other_libraries(cell.source)}
        used |= {*source_analysis.mentions(cell.source, question.forbidden_names)}
    used -= blind
    itself = sorted(name for name in used if name in question.forbidden_names or name.startswith("cnnlab."))
    if libraries := sorted(used - {*itself}):
        lines.append(f"the answer uses another library: {', '.join(libraries)}")
    if itself:
        lines.append(f"the answer uses {', '.join(itself)}, which is the answer itself")
    return lines


def _case_result(
    question: Question, number: int, inputs: dict[str, Any], probe_result: ProbeResult, problems: list[str]
) -> CaseResult:
    """The points of one case; a hint or a picture that fails is left out, and said in `problems`."""
    case = question.cases[number]
    if number in probe_result.errors:
        error = probe_result.errors[number]
        return CaseResult(case.name, 0.0, case.points, f"your code stopped with {_in_words(error)}")
    if number not in probe_result.values:
        return CaseResult(case.name, 0.0, case.points, NO_ANSWER)
    value = probe_result.values[number]
    if case.measures:
        failed = failed_measure(value, inputs, case.measures)
        return CaseResult(case.name, 0.0 if failed else case.points, case.points, failed or "")
    expected = probes.expected_value(question, inputs)
    diff = difference(value, expected, question.tolerance)
    points, words, image = 0.0 if diff else case.points, question.default_hint if diff else "", b""
    try:
        with np.errstate(all="ignore"):
            image = thumbnail(plain(value), n_inputs=_count_pictures(inputs))
            words = hint(question, inputs, value, expected, diff) if diff else ""
    except Exception as error:
        problems.append(f"no hint or picture for {case.name}: {_reason(error)}")
    return CaseResult(case.name, points, case.points, words, image)


def _count_pictures(inputs: dict[str, Any]) -> int:
    """Number of pictures among the inputs, in a batch N x 3 x H x W; 0 for none."""
    shapes = [tuple(getattr(value, "shape", ())) for value in inputs.values()]
    return next((shape[0] for shape in shapes if len(shape) == 4 and shape[1] == 3), 0)


def _cell_notes(
    question: Question, cells: list[RunnableCell], run_result: RunResult, probe_result: ProbeResult
) -> list[str]:
    """Notes on errors in the question's own cells, and in those that it may need."""
    notes = []
    for number, error in sorted(run_result.cell_errors.items()):
        if _in_words(error) == STUB:
            continue
        cell_question, stopped = cells[number].question, error["type"] in END_REASONS
        if cell_question == question.name or (
            cell_question is None and (stopped or probe_result.errors or probe_result.missing)
        ):
            words = f"was stopped: {error['message']}" if stopped else f"stopped with {_in_words(error)}"
            notes.append(f"{cells[number].name} {words}")
    if probe_result.missing:
        notes.append(f"there is no `{question.defines}` after the cells were run")
    return notes


def _in_words(error: dict[str, str]) -> str:
    """The type of an error, and the useful part of its message."""
    message = error["message"]
    message = f"{message[:300].rstrip()} ..." if len(message) > 300 else message
    return f"{error['type']}: {message}" if message else error["type"]


def _status(
    points: float,
    out_of: float,
    probe_result: ProbeResult,
    run_result: RunResult,
    question: Question,
    cells: list[RunnableCell],
) -> str:
    if points >= out_of:
        return "passed"
    if points > 0:
        return "partial"
    if probe_result.end_reason:
        return END_STATUS.get(probe_result.end_reason, "error")
    errors = run_result.cell_errors
    cell_errors = [errors[number] for number in errors if cells[number].question == question.name]
    if cell_errors and _in_words(cell_errors[0]) != STUB:
        return END_STATUS.get(cell_errors[0]["type"], "error")
    kinds = {error["type"] for error in probe_result.errors.values()}
    empty = all(_in_words(error) == STUB for error in probe_result.errors.values())
    empty = empty and all(_is_nothing(value) for value in probe_result.values.values())
    if empty and (probe_result.values or probe_result.errors or cell_errors):
        return "not attempted"
    if probe_result.missing:
        return "missing" if not kinds else "error"
    if kinds:
        return "memory" if kinds == {"MemoryError"} else "error"
    return "failed" if probe_result.values else "error"


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, UnknownValue) and value.type == "ellipsis")
