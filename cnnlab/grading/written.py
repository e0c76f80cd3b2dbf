"""Written answers: the text that answers a question in words, and the cells whose code and pictures stand beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cnnlab.grading import untrusted
from cnnlab.grading.answer_key import Written
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.source_notebook import WRITTEN_STUB
from cnnlab.grading.submissions import Submission
from cnnlab.grading.untrusted import MAX_TEXT, SubmittedCell


@dataclass(frozen=True)
class Exhibit:
    """A picture that stands beside an answer (a PNG, b"" for none), with its description and the code of its cell ("" after the first)."""

    name: str
    code: str
    alt: str = ""
    picture: bytes = b""


@dataclass(frozen=True)
class WrittenAnswer:
    """The answer to a written question: status, text, exhibits, and notes on how it was found."""

    status: str
    text: str = ""
    exhibits: tuple[Exhibit, ...] = ()
    notes: tuple[str, ...] = ()


def written_answer(assignment: Assignment, question: Written, submission: Submission) -> WrittenAnswer:
    """The answer in a submission: the cell with the question's id, else all text of the student's own, which a person then sorts."""
    given = {_plain(cell.stub) for cell in assignment.texts} | {"", _plain(WRITTEN_STUB)}
    cells = (*submission.cells, *submission.texts)
    own = [cell for cell in cells if cell.grade_id == question.name]
    answers, notes = [cell for cell in own if _plain(cell.source) not in given], []
    if not answers:
        ids = {one.name for one in assignment.every_question}
        answers = [
            cell for cell in submission.texts if cell.grade_id not in ids and _plain(cell.source) not in given
        ]
        if answers:
            notes.append("the answer was found in other text cells of the notebook")
    if any(len(cell.source) >= MAX_TEXT for cell in answers):
        notes.append(f"the answer is longer than {MAX_TEXT} characters; the rest is left out")
    if not answers:
        return WrittenAnswer("not attempted" if own else "missing")
    text = "\n\n".join(cell.source.strip() for cell in sorted(answers, key=lambda cell: cell.number))
    beside = [cell for cell in cells if {cell.cell_id, cell.grade_id} & set(question.beside)]
    missing = set(question.beside) - {name for cell in beside for name in (cell.cell_id, cell.grade_id)}
    notes += [f"the cell {name} is not in the notebook" for name in sorted(missing)]
    exhibits = [exhibit for cell in (*beside, *answers) for exhibit in _exhibits(cell)]
    return WrittenAnswer("to be marked", text[:MAX_TEXT], tuple(exhibits), tuple(notes))


def _exhibits(cell: SubmittedCell) -> list[Exhibit]:
    """The pictures of a cell; a code cell without one is shown with its code alone."""
    name, code = cell.grade_id or cell.cell_id, "" if cell.is_text else cell.source
    shown = [Exhibit(name, "", alt, drawn) for alt, raw in cell.pictures if (drawn := untrusted.picture(raw))]
    if not code:
        return shown
    first, *others = shown or [Exhibit(name, "")]
    return [Exhibit(name, code, first.alt, first.picture), *others]


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
