"""From a submission to its result: match, run, compare, and say why. One call is one submission, whoever calls it.

Statuses stand apart from scores. Of a question: passed, partial, failed, error, timeout, memory, not attempted, missing, needs review,
grader error. Of a submission as a whole: graded, needs review, unreadable, missing, grader error. A grader error is never a student's zero.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cnnlab.grading import code, probes
from cnnlab.grading.asking import Answer, Cell, Outcome
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.comparing import difference, plain
from cnnlab.grading.hints import hint
from cnnlab.grading.limits import Limits
from cnnlab.grading.matching import Matched, belongs, helpers, match
from cnnlab.grading.measuring import shortfall
from cnnlab.grading.pictures import picture
from cnnlab.grading.questions import Question
from cnnlab.grading.runner import Runner
from cnnlab.grading.running.frames import Unknown
from cnnlab.grading.submissions import Submission

ENDED = {"time": "timeout", "processor": "timeout", "memory": "memory"}
SENTENCES = {
    "time": "it was stopped: {}",
    "processor": "it was stopped: {}",
    "memory": "it was stopped: {}",
    "exit": "it ended the whole process: {}",
}


@dataclass(frozen=True)
class CaseResult:
    """One case: its name, points reached and possible, and the hint ("" where it is right)."""

    name: str
    points: float
    out_of: float
    hint: str = ""
    picture: bytes = b""


@dataclass(frozen=True)
class QuestionResult:
    """One question: status, points, the cases, the code that was graded, notes for the student, and what a human should look at."""

    question: str
    status: str
    points: float
    out_of: float
    cases: tuple[CaseResult, ...] = ()
    notes: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    code: str = ""
    text: str = ""


@dataclass(frozen=True)
class Result:
    """One submission: status, the questions, and behind which walls it ran."""

    student: str
    status: str
    questions: tuple[QuestionResult, ...] = ()
    note: str = ""
    walls: str = ""
    text: str = ""
    digest: str = ""
    submitted: float = 0.0
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def points(self) -> float:
        """The points of all questions."""
        return sum(question.points for question in self.questions)

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def grade_submission(
    assignment: Assignment,
    student: str,
    submission: Submission,
    *,
    runner: Runner,
    secret: bytes,
    limits: Limits | None = None,
) -> Result:
    """Grade one submission; whatever it does is its result, and whatever goes wrong in the grader says so."""
    about = {"digest": submission.digest, "submitted": submission.submitted, "notes": submission.notes}
    if submission.trouble:
        status = "missing" if submission.trouble == "there is no file" else "unreadable"
        return Result(student, status, _none(assignment, status), submission.trouble, **about)
    if reason := belongs(assignment, submission):
        return Result(student, "missing", _none(assignment, "missing"), reason, **about)
    try:
        matched = match(assignment, submission)
        cells = _cells(assignment, submission, matched)
        drawn = {
            question.name: probes.draw_all(secret, assignment.name, question, student)
            for question in assignment.questions
            if matched[question.name].cells and not matched[question.name].stub
        }
        asked = [
            probes.ask(secret, assignment.name, question, student, drawn[question.name])
            for question in assignment.questions
            if question.name in drawn
        ]
        outcome = runner.run(cells, asked, limits or Limits()) if asked else Outcome()
        results = tuple(
            _question(question, matched[question.name], cells, outcome, drawn.get(question.name, []))
            for question in assignment.questions
        )
    except Exception as error:  # ours, not the student's
        said = f"{type(error).__name__}: {error}"
        return Result(
            student, "grader error", _none(assignment, "grader error"), said, str(runner.walls), **about
        )
    review = submission.notes or any(result.status == "needs review" for result in results)
    status = "needs review" if review else "graded"
    text = outcome.text + ("\n..." if outcome.printed > len(outcome.text.encode()) else "")
    return Result(student, status, results, "", str(runner.walls), text, **about)


def _none(assignment: Assignment, status: str) -> tuple[QuestionResult, ...]:
    return tuple(QuestionResult(one.name, status, 0.0, one.points) for one in assignment.questions)


def _cells(assignment: Assignment, submission: Submission, matched: dict[str, Matched]) -> list[Cell]:
    """What is run: the source's set-up, then the student's answers and what they need, in the order of the notebook."""
    cells = [
        Cell(f"{cell.grade_id or 'set-up'}", None, cell.source)
        for cell in assignment.cells
        if cell.role == "setup"
    ]
    own = {cell.number: (cell, name) for name, found in matched.items() for cell in found.cells}
    own |= {cell.number: (cell, None) for cell in helpers(assignment, submission, matched)}
    return cells + [
        Cell(f"{name or 'cell'} ({number})", name, cell.source)
        for number, (cell, name) in sorted(own.items())
    ]


def _question(
    question: Question, found: Matched, cells: list[Cell], outcome: Outcome, drawn: list[dict[str, Any]]
) -> QuestionResult:
    out_of = question.points
    text = "\n\n".join(cell.source for cell in found.cells)
    if not found.cells:
        return QuestionResult(
            question.name, "missing", 0.0, out_of, notes=("there is no cell for this question",)
        )
    if found.stub:
        return QuestionResult(question.name, "not attempted", 0.0, out_of, code=text, notes=found.notes)
    answer = outcome.answers.get(question.name, Answer())
    results = tuple(_case(question, number, inputs, answer) for number, inputs in enumerate(drawn))
    points = sum(result.points for result in results)
    notes = [*found.notes, *answer.remarks, *_of_cells(question, cells, outcome, answer)]
    if answer.ended:
        notes.append(SENTENCES.get(answer.ended, "it was stopped: {}").format(answer.detail))
    status = _status(points, out_of, answer, outcome, question, cells)
    libraries = sorted({name for cell in found.cells for name in code.other_libraries(cell.source)})
    given = sorted(
        {name for cell in found.cells for name in code.mentions(cell.source, question.gives_it_away)}
    )
    review = list(found.review)
    review += [f"the answer uses another library: {', '.join(libraries)}"] if libraries else []
    review += [f"the answer uses {', '.join(given)}, which is the answer itself"] if given else []
    review = review if points else []
    return QuestionResult(
        question.name,
        "needs review" if review else status,
        points,
        out_of,
        results,
        tuple(dict.fromkeys(notes)),
        tuple(review),
        text[:100_000],
        answer.text[:4000],
    )


def _case(question: Question, number: int, inputs: dict[str, Any], answer: Answer) -> CaseResult:
    case = question.cases[number]
    if number in answer.errors:
        error = answer.errors[number]
        return CaseResult(case.name, 0.0, case.points, f"your code stopped with {_in_words(error)}")
    if number not in answer.values:
        return CaseResult(case.name, 0.0, case.points, "there is no answer")
    value = answer.values[number]
    if case.measures:
        short = shortfall(value, inputs, case.measures)
        return CaseResult(case.name, 0.0 if short else case.points, case.points, short or "")
    expected = probes.expected(question, inputs)
    differs = difference(value, expected, question.tolerance)
    shown = picture(plain(value), given=_pictures_in(inputs))
    if differs is None:
        return CaseResult(case.name, case.points, case.points, picture=shown)
    return CaseResult(case.name, 0.0, case.points, hint(question, inputs, value, expected, differs), shown)


def _pictures_in(inputs: dict[str, Any]) -> int:
    """How many pictures there are among the inputs, in a batch N x 3 x H x W; 0 for none."""
    shapes = [tuple(getattr(value, "shape", ())) for value in inputs.values()]
    return next((shape[0] for shape in shapes if len(shape) == 4 and shape[1] == 3), 0)


def _of_cells(question: Question, cells: list[Cell], outcome: Outcome, answer: Answer) -> list[str]:
    """What went wrong while the question's own cells, and those that it may need, were run."""
    said = []
    for number, error in sorted(outcome.cell_errors.items()):
        own = cells[number].question
        if own == question.name or (own is None and (answer.errors or answer.missing)):
            said.append(f"the cell {cells[number].name} stopped with {_in_words(error)}")
    if answer.missing:
        said.append(f"there is no `{question.defines}` after the cells were run")
    return said


def _in_words(error: dict[str, str]) -> str:
    """The type, and the message as far as it is of use."""
    said = error["message"].strip()
    said = f"{said[:300].rstrip()} ..." if len(said) > 300 else said
    return f"{error['type']}: {said}" if said else error["type"]


def _status(
    points: float, out_of: float, answer: Answer, outcome: Outcome, question: Question, cells: list[Cell]
) -> str:
    if points >= out_of:
        return "passed"
    if points > 0:
        return "partial"
    if answer.ended:
        return ENDED.get(answer.ended, "error")
    own = [error for number, error in outcome.cell_errors.items() if cells[number].question == question.name]
    if own:
        return ENDED.get(own[0]["type"], "memory" if own[0]["type"] == "MemoryError" else "error")
    kinds = {error["type"] for error in answer.errors.values()}
    nothing = not kinds - {"NotImplementedError"} and all(
        _is_nothing(value) for value in answer.values.values()
    )
    if nothing and (answer.values or answer.errors):
        return "not attempted"
    if answer.missing:
        return "missing" if not kinds else "error"
    if kinds:
        return "memory" if kinds == {"MemoryError"} else "error"
    return "failed" if answer.values else "error"


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, Unknown) and value.type == "ellipsis")
