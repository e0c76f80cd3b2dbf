"""Cell matching: which cells of a submission answer which question, also in notebooks that were edited; and which are run.

A cell is matched by nbgrader's grade_id, then by the marker in its code (`# question: q3`), then by the name that it defines.
Certain repairs are noted; uncertain matches are flagged for review, and graded as the notebook would run: the last
definition wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cnnlab.grading import source_analysis
from cnnlab.grading.answer_key import Question
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.runner_protocol import RunnableCell
from cnnlab.grading.submissions import Submission, SubmittedCell

IN_TEXT = "the answer stands in a cell that is no code cell, so it was not run"
NUMBER = re.compile(r"\b\d+\b")
CODE_CELL = "code cell"  # with its place among them, the name of a cell in messages


@dataclass(frozen=True)
class CellMatch:
    """The cells that answer a question (none: it is missing), how they were found, and points for review.

    `texts` are text cells and raw cells that hold an answer, where no code cell does: they are not run, and a human looks at them.
    """

    cells: tuple[SubmittedCell, ...] = ()
    notes: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    stub: bool = False
    texts: tuple[SubmittedCell, ...] = ()


def match(assignment: Assignment, submission: Submission) -> dict[str, CellMatch]:
    """For each question, the cells that answer it."""
    return {question.name: _match(assignment, question, submission) for question in assignment.questions}


def runnable_cells(
    assignment: Assignment, submission: Submission, matched: dict[str, CellMatch]
) -> list[RunnableCell]:
    """The cells to run: the whole notebook in its order, without test cells, whatever it is that the answers need of it.

    A set-up cell is followed by the source's own version if the two differ, and comes first if it is missing. Left out are copies of the
    stub of a question that is answered, and cells given, with figures of the answers say, that nothing else uses: those unchanged, and
    those beside a written answer with other numbers, since their pictures are taken as they were handed in.
    """
    setup = {cell.grade_id or str(id(cell)): cell.source for cell in assignment.cells if cell.role == "setup"}
    beside = {name for question in assignment.written for name in question.beside}
    own_cells = [cell.source for cell in assignment.cells if cell.role == "own"]
    given, figures = set(map(_syntax, own_cells)), {_syntax(NUMBER.sub("0", source)) for source in own_cells}
    stubs = {_stub(assignment, name) for name, found in matched.items() if found.cells and not found.stub}
    question_of = {cell.number: name for name, found in matched.items() for cell in found.cells}
    places = {cell.number: place for place, cell in enumerate(submission.cells, 1)}
    there = {cell.grade_id for cell in submission.cells}
    cells = [
        RunnableCell("set-up", None, source) for grade_id, source in setup.items() if grade_id not in there
    ]
    not_tests = [cell for cell in submission.cells if not cell.is_test or cell.number in question_of]
    candidates = [cell for cell in not_tests if _syntax(cell.source) not in stubs]
    spare = {cell.number for cell in candidates if _syntax(cell.source) in given}
    spare |= {
        cell.number
        for cell in candidates
        if {cell.cell_id, cell.grade_id} & beside and _syntax(NUMBER.sub("0", cell.source)) in figures
    }
    unused = _unused({cell.number: cell.source for cell in candidates}, spare)
    for cell in candidates:
        own = setup.get(cell.grade_id)
        if cell.number not in unused and (own is None or _syntax(own) != _syntax(cell.source)):
            name = f"{CODE_CELL} {places[cell.number]}"
            cells.append(RunnableCell(name, question_of.get(cell.number), cell.source))
        if own is not None:
            cells.append(RunnableCell("set-up", None, own))
    return cells


def _unused(sources: dict[int, str], spare: set[int]) -> set[int]:
    """The numbers of the `spare` cells that define no name which another cell to run uses."""
    unused = set(spare)
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
    if any(found.cells or found.texts for found in match(assignment, submission).values()):
        return ""
    return f"it has no cell of {assignment.name}"


def _match(assignment: Assignment, question: Question, submission: Submission) -> CellMatch:
    questions = {one.name for one in assignment.questions}
    given = [cell for cell in assignment.cells if cell.role != "answer"]
    ids, syntaxes = {cell.grade_id for cell in given} - {None}, {_syntax(cell.stub) for cell in given}
    stub = _stub(assignment, question.name)

    def answers(cells: list[SubmittedCell]) -> list[SubmittedCell]:
        return [cell for cell in cells if _defines(cell, question) and _syntax(cell.source) != stub]

    own = [cell for cell in submission.cells if cell.grade_id == question.name]
    free = [cell for cell in submission.cells if cell.grade_id not in questions | ids]
    free = [cell for cell in free if _syntax(cell.source) not in syntaxes]
    notes, review = [], []
    if not answers(own):
        marked = [cell for cell in free if question.name in source_analysis.markers(cell.source)]
        others = [cell for cell in submission.cells if cell.grade_id in questions - {question.name}]
        places = (
            ([cell for cell in marked if _syntax(cell.source) != stub], "its marker"),
            (answers(free), "the name that it defines"),
            (answers(others), "the name that it defines, in the cell of another question"),
            (answers([cell for cell in submission.cells if cell.is_test]), "its name, in a test cell"),
            ([] if own else marked, "its marker"),
            ([] if own else [cell for cell in free if _defines(cell, question)], "the name that it defines"),
        )
        found, how = next(((cells, how) for cells, how in places if cells), ([], ""))
        if found:
            rest = [one for one in assignment.questions if one is not question]
            together = how != "its marker" and any(_defines(cell, one) for cell in found for one in rest)
            guessed = together or "test" in how or any(_syntax(cell.source) == stub for cell in own)
            (review if guessed else notes).append(f"the answer was found by {how}")
            own = sorted({*own, *found}, key=lambda cell: cell.number)
    by_syntax = {_syntax(cell.source): cell for cell in own}  # the last of those that say the same
    answered = [cell for syntax, cell in by_syntax.items() if syntax != stub]
    if len(own) > len(by_syntax) or (len(by_syntax) > len(answered) and answered and not review):
        notes.append("the cell was there several times; the copies say the same, or nothing")
    if (count := len([cell for cell in answered if _defines(cell, question)])) > 1:
        review.append(f"{count} different cells define `{question.defines}`; the last one was graded")
    ordered = tuple(sorted(answered or by_syntax.values(), key=lambda cell: cell.number))
    if answered:
        review += _overwritten(question, submission, ordered, syntaxes)
    texts = () if answered else _answers_in_text(assignment, question, submission)
    if texts:
        notes.append(IN_TEXT)
        review.append(IN_TEXT)
    return CellMatch(ordered, tuple(notes), tuple(review), bool(own) and not answered, texts)


def _answers_in_text(
    assignment: Assignment, question: Question, submission: Submission
) -> tuple[SubmittedCell, ...]:
    """The cells that are no code and may hold the answer: with the question's id or marker, or with a line that defines its name."""
    name = re.escape(question.defines)
    line = re.compile(rf"^\s*(?:(?:async\s+)?def\s+{name}\s*\(|class\s+{name}\b|{name}\s*[:=])", re.M)
    given = {_words(cell.stub) for cell in (*assignment.cells, *assignment.texts)} | {()}
    stub = _stub(assignment, question.name)
    return tuple(
        cell
        for cell in submission.texts
        if _words(cell.source) not in given
        and _syntax(cell.source) != stub
        and (
            cell.grade_id == question.name
            or question.name in source_analysis.markers(cell.source)
            or line.search(cell.source)
        )
    )


def _words(source: str) -> tuple[str, ...]:
    return tuple(source.split())


def _overwritten(
    question: Question, submission: Submission, answer: tuple[SubmittedCell, ...], given: set[str]
) -> list[str]:
    """A line for each place that defines the answer once more, so that another is graded than the one in its cell."""
    lines = []
    if any(source_analysis.count_functions(cell.source, question.defines) > 1 for cell in answer):
        lines.append(f"one cell defines `{question.defines}` several times; the last one was graded")
    known = given | {_syntax(cell.source) for cell in answer}
    for place, cell in enumerate(submission.cells, 1):
        later = cell.number > answer[-1].number and not cell.is_test and _syntax(cell.source) not in known
        if later and _defines(cell, question):
            lines.append(
                f"{CODE_CELL} {place} defines `{question.defines}` once more; the last one was graded"
            )
    return lines


def _syntax(source: str) -> str:
    return source_analysis.normalised_ast(source)


def _defines(cell: SubmittedCell, question: Question) -> bool:
    return question.defines in source_analysis.names(cell.source).bound


def _stub(assignment: Assignment, name: str) -> str:
    """The syntax of a question's stub; "" where the source is not at hand, in the student's own check."""
    return _syntax(assignment.answer_cell(name).stub) if assignment.cells else ""
