"""Which cells of a submission answer which question, also after a notebook has been through many hands.

A cell is matched by nbgrader's grade_id, then by the marker in its code (`# question: q3`), then by the name that it defines. What
is repaired with certainty is noted; what is not certain is flagged for a human, and graded as the notebook would run: the last
definition wins.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnlab.grading import code
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.questions import Question
from cnnlab.grading.submissions import Cell, Submission


@dataclass(frozen=True)
class Matched:
    """The cells that answer a question (none: it is missing), how they were found, and what a human should look at."""

    cells: tuple[Cell, ...] = ()
    notes: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    stub: bool = False


def match(assignment: Assignment, submission: Submission) -> dict[str, Matched]:
    """For each question, the cells that answer it."""
    taken = _by_grade_id(assignment, submission)
    return {
        question.name: _match(assignment, question, submission, taken) for question in assignment.questions
    }


def helpers(assignment: Assignment, submission: Submission, matched: dict[str, Matched]) -> tuple[Cell, ...]:
    """The student's other cells that the answers need: those that bind a name which an answer, or another helper, uses."""
    answers = {cell.number: cell for found in matched.values() for cell in found.cells}
    given = {code.shape(cell.source) for cell in assignment.cells} | {
        code.shape(cell.stub) for cell in assignment.cells
    }
    others = [cell for cell in submission.cells if cell.number not in answers]
    known = {cell.number: code.names(cell.source) for cell in others if code.shape(cell.source) not in given}
    setup = {
        name for cell in assignment.cells if cell.role == "setup" for name in code.names(cell.source).bound
    }
    bound = {name for cell in answers.values() for name in code.names(cell.source).bound}
    wanted = {name for cell in answers.values() for name in code.names(cell.source).used} - setup - bound
    chosen: set[int] = set()
    while more := {
        number for number, names in known.items() if number not in chosen and names.bound & wanted
    }:
        chosen |= more
        wanted |= {name for number in more for name in known[number].used} - setup
    return tuple(cell for cell in others if cell.number in chosen)


def belongs(assignment: Assignment, submission: Submission) -> str:
    """Why the notebook is not one of this assignment, "" if it is one."""
    if submission.assignment not in (None, assignment.name):
        return f"it is the notebook of another assignment, {submission.assignment}"
    if any(found.cells for found in match(assignment, submission).values()):
        return ""
    return f"it has no cell of {assignment.name}"


def _by_grade_id(assignment: Assignment, submission: Submission) -> dict[int, str]:
    names = {question.name for question in assignment.questions}
    return {cell.number: cell.grade_id for cell in submission.cells if cell.grade_id in names}


def _match(
    assignment: Assignment, question: Question, submission: Submission, taken: dict[int, str]
) -> Matched:
    notes: list[str] = []
    own = [cell for cell in submission.cells if taken.get(cell.number) == question.name]
    free = [cell for cell in submission.cells if cell.number not in taken and not _is_given(assignment, cell)]
    if not any(question.defines in code.names(cell.source).bound for cell in own):
        marked = [cell for cell in free if question.name in code.markers(cell.source)]
        named = [cell for cell in free if question.defines in code.names(cell.source).bound]
        astray = [
            cell
            for cell in submission.cells
            if taken.get(cell.number) not in (None, question.name)
            and question.defines in code.names(cell.source).bound
        ]
        found, how = next(
            (
                (cells, how)
                for cells, how in ((marked, "its marker"), (named, "the name that it defines"))
                if cells
            ),
            (astray, "the name that it defines, in the cell of another question"),
        )
        if found:
            notes.append(f"the answer was found by {how}")
            own = sorted(
                {cell.number: cell for cell in [*own, *found]}.values(), key=lambda cell: cell.number
            )
    stub = code.shape(assignment.answer(question.name).stub)
    shapes = {code.shape(cell.source): cell for cell in own}  # of equal ones, the last
    real = [cell for shape, cell in shapes.items() if shape != stub]
    defining = [cell for cell in real if question.defines in code.names(cell.source).bound]
    if len(own) > len(shapes) or (len(shapes) > len(real) and real):
        notes.append("the cell was there several times; the copies say the same, or nothing")
    review = []
    if len(defining) > 1:
        review.append(f"{len(defining)} different cells define `{question.defines}`; the last one was graded")
    ordered = tuple(sorted(real or list(shapes.values()), key=lambda cell: cell.number))
    return Matched(ordered, tuple(notes), tuple(review), stub=bool(own) and not real)


def _is_given(assignment: Assignment, cell: Cell) -> bool:
    """Whether the cell is one of the source's that are nobody's answer."""
    return any(
        cell.grade_id == given.grade_id
        for given in assignment.cells
        if given.grade_id and given.role != "answer"
    )
