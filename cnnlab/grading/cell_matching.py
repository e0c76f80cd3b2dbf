"""Cell matching: which cells of a submission answer which question, also in notebooks that were edited; and which are run.

A cell is matched by nbgrader's grade_id, then by the marker in its code (`# question: q3`), then by the name that it defines.
Certain repairs are noted; uncertain matches are flagged for review, and graded as the notebook would run: the last
definition wins.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnlab.grading import source_analysis
from cnnlab.grading.answer_key import Question
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.runner_protocol import RunnableCell
from cnnlab.grading.submissions import Submission, SubmittedCell

CODE_CELL = "code cell"  # with its place among them, the name of a cell in messages


@dataclass(frozen=True)
class CellMatch:
    """The cells that answer a question (none: it is missing), how they were found, and points for review."""

    cells: tuple[SubmittedCell, ...] = ()
    notes: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    stub: bool = False


def match(assignment: Assignment, submission: Submission) -> dict[str, CellMatch]:
    """For each question, the cells that answer it."""
    assigned = _by_grade_id(assignment, submission)
    return {
        question.name: _match(assignment, question, submission, assigned) for question in assignment.questions
    }


def runnable_cells(
    assignment: Assignment, submission: Submission, matched: dict[str, CellMatch]
) -> list[RunnableCell]:
    """The cells to run: the whole notebook in its order, without test cells, whatever it is that the answers need of it.

    A set-up cell is followed by the source's own version if the two differ, and comes first if it is missing. Left out are copies of the
    stub of a question that is answered, and cells given unchanged, with figures of the answers say, that nothing else uses.
    """
    syntax = source_analysis.normalised_ast
    setup = {cell.grade_id or str(id(cell)): cell.source for cell in assignment.cells if cell.role == "setup"}
    given = {syntax(cell.source) for cell in assignment.cells if cell.role == "own"}
    stubs = {
        syntax(assignment.answer_cell(name).stub)
        for name, cell_match in matched.items()
        if assignment.cells and cell_match.cells and not cell_match.stub
    }
    question_of = {cell.number: name for name, cell_match in matched.items() for cell in cell_match.cells}
    places = {cell.number: place for place, cell in enumerate(submission.cells, 1)}
    there = {cell.grade_id for cell in submission.cells}
    cells = [
        RunnableCell("set-up", None, source) for grade_id, source in setup.items() if grade_id not in there
    ]
    candidates = [cell for cell in submission.cells if not cell.is_test and syntax(cell.source) not in stubs]
    unused = _unused({cell.number: cell.source for cell in candidates}, given)
    for cell in candidates:
        own = setup.get(cell.grade_id)
        if cell.number not in unused and (own is None or syntax(own) != syntax(cell.source)):
            name = f"{CODE_CELL} {places[cell.number]}"
            cells.append(RunnableCell(name, question_of.get(cell.number), cell.source))
        if own is not None:
            cells.append(RunnableCell("set-up", None, own))
    return cells


def _unused(sources: dict[int, str], given: set[str]) -> set[int]:
    """The numbers of the cells of `given` syntax that define no name which another cell to run uses."""
    unused = {number for number, source in sources.items() if source_analysis.normalised_ast(source) in given}
    needed = {
        name for number in sources.keys() - unused for name in source_analysis.names(sources[number]).used
    }
    while used := {number for number in unused if source_analysis.names(sources[number]).bound & needed}:
        unused -= used
        needed |= {name for number in used for name in source_analysis.names(sources[number]).used}
    return unused


def mismatch_reason(assignment: Assignment, submission: Submission) -> str:
    """Why the notebook does not belong to this assignment; "" if it does."""
    if submission.assignment not in (None, assignment.name):
        return f"it is the notebook of another assignment, {submission.assignment}"
    if any(cell_match.cells for cell_match in match(assignment, submission).values()):
        return ""
    return f"it has no cell of {assignment.name}"


def _by_grade_id(assignment: Assignment, submission: Submission) -> dict[int, str]:
    names = {question.name for question in assignment.questions}
    return {cell.number: cell.grade_id for cell in submission.cells if cell.grade_id in names}


def _match(
    assignment: Assignment, question: Question, submission: Submission, assigned: dict[int, str]
) -> CellMatch:
    notes: list[str] = []
    cells_of_question = [cell for cell in submission.cells if assigned.get(cell.number) == question.name]
    unassigned = [
        cell for cell in submission.cells if cell.number not in assigned and not _is_given(assignment, cell)
    ]
    if not any(question.defines in source_analysis.names(cell.source).bound for cell in cells_of_question):
        marked = [cell for cell in unassigned if question.name in source_analysis.markers(cell.source)]
        defining_cells = [
            cell for cell in unassigned if question.defines in source_analysis.names(cell.source).bound
        ]
        misplaced = [
            cell
            for cell in submission.cells
            if assigned.get(cell.number) not in (None, question.name)
            and question.defines in source_analysis.names(cell.source).bound
        ]
        candidates, how = next(
            (
                (cells, how)
                for cells, how in ((marked, "its marker"), (defining_cells, "the name that it defines"))
                if cells
            ),
            (misplaced, "the name that it defines, in the cell of another question"),
        )
        if candidates:
            notes.append(f"the answer was found by {how}")
            cells_of_question = sorted(
                {cell.number: cell for cell in [*cells_of_question, *candidates]}.values(),
                key=lambda cell: cell.number,
            )
    stub = (
        source_analysis.normalised_ast(assignment.answer_cell(question.name).stub) if assignment.cells else ""
    )
    by_ast = {
        source_analysis.normalised_ast(cell.source): cell for cell in cells_of_question
    }  # the last of equal names
    answered = [cell for syntax, cell in by_ast.items() if syntax != stub]
    defining = [cell for cell in answered if question.defines in source_analysis.names(cell.source).bound]
    if len(cells_of_question) > len(by_ast) or (len(by_ast) > len(answered) and answered):
        notes.append("the cell was there several times; the copies say the same, or nothing")
    review = []
    if len(defining) > 1:
        review.append(f"{len(defining)} different cells define `{question.defines}`; the last one was graded")
    ordered = tuple(sorted(answered or list(by_ast.values()), key=lambda cell: cell.number))
    return CellMatch(ordered, tuple(notes), tuple(review), stub=bool(cells_of_question) and not answered)


def _is_given(assignment: Assignment, cell: SubmittedCell) -> bool:
    """Whether the cell is one of the source's cells that are not for answers."""
    return any(
        cell.grade_id == source_cell.grade_id
        for source_cell in assignment.cells
        if source_cell.grade_id and source_cell.role != "answer"
    )
