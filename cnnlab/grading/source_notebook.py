"""The source notebook of an assignment, in nbgrader's format, read as cells with roles.

Roles follow nbgrader's metadata (schema version 3): a solution cell is an answer, a graded cell that is no solution is a test, a locked
cell is set-up, any other cell is free for the student. A text cell that is a solution is the answer to a written question; other text is
given. `BEGIN SOLUTION`, `BEGIN HIDDEN TESTS`, `BEGIN MARK SCHEME` and `AUTOTEST` mark what students never see, in cells of every type;
and an answer without such marks is a solution as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

QUESTION = re.compile(r"^#[ \t]*question:.*$", re.M)
CellRole = Literal["answer", "test", "setup", "own", "written", "text"]

STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")  # nbgrader's own texts
WRITTEN_STUB = "YOUR ANSWER HERE"
MARKS = re.compile(r"^[^\n]*\b(?:BEGIN|END) SOLUTION\b[^\n]*\n?", re.M)
# A mark may stand anywhere in its line, as in nbgrader.
SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)[^\n]*?\bBEGIN SOLUTION\b.*?\bEND SOLUTION\b[^\n]*(?P<end>\n|\Z)", re.M | re.S
)
HIDDEN = re.compile(
    r"^[^\n]*\bBEGIN (HIDDEN TESTS|MARK SCHEME)\b.*?\bEND \1\b[^\n]*(?:\n|\Z)"
    r"|^[ \t]*#+[ \t]*(?:HASHED[ \t]+)?AUTOTEST\b[^\n]*(?:\n|\Z)",
    re.M | re.S,
)
# What is left of such marks, or looks like one that is misspelt.
UNUSED_MARKS = re.compile(
    r"\b(?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)\b|\bAUTOTEST\b"
    r"|(?mi:^[\W_]*(?:begin|end)[\W_]*(?:solution|hidden[\W_]*test|mark[\W_]*scheme)s?\b)"
)


@dataclass(frozen=True)
class SourceCell:
    """A cell of the source: nbgrader id, role, points (of tests and written questions), and text including the solution."""

    grade_id: str | None
    role: CellRole
    points: float
    source: str

    @property
    def stub(self) -> str:
        """The text of the student version."""
        is_answer = self.role in ("answer", "written")
        return without_solution(self.source, written=self.role in ("written", "text"), answer=is_answer)

    @property
    def solution(self) -> str:
        """The text of the solution, without the lines that mark it, and without what only markers see."""
        return MARKS.sub("", HIDDEN.sub("", self.source)).rstrip()


def read_source(path: Path) -> tuple[SourceCell, ...]:
    """The cells of the source notebook.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a notebook, or a marker is not closed.
    """
    import nbformat

    if not path.is_file():
        raise FileNotFoundError(f"there is no source of the assignment at {path}.")
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:
        raise ValueError(f"{path} is not a notebook: {error}") from None
    cells = [_cell(cell) for cell in notebook.cells]
    ids = [cell.grade_id for cell in cells if cell.grade_id]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise ValueError(f"{path.name} has two cells with the id {', '.join(twice)}; each needs its own.")
    return tuple(cells)


def without_solution(source: str, *, written: bool = False, answer: bool = False) -> str:
    """`source` with nbgrader's stub for each solution, that of a `written` answer or of code, without hidden tests and mark schemes.

    An `answer` cell in which no solution is marked is one as a whole, apart from the marker of its question, as it is for nbgrader.

    Raises
    ------
    ValueError
        If a region is opened and not closed, or closed and not opened, since a solution could then be released.
    """
    lines = (WRITTEN_STUB,) if written else STUB

    def stub(match: re.Match[str]) -> str:
        return "\n".join(match["indent"] + line for line in lines) + match["end"]

    text, count = SOLUTION.subn(stub, source)
    text = HIDDEN.sub("", text).rstrip("\n")
    if mark := UNUSED_MARKS.search(text):
        raise ValueError(
            f"{mark[0].strip()!r}: a solution, a hidden test or a mark scheme is opened but not closed, or its mark is not written as"
            f" nbgrader wants it, in the cell that begins {source[:60]!r}."
        )
    if answer and not count:
        return "\n".join([*(match[0].strip() for match in QUESTION.finditer(source)), *lines])
    return text


def with_answer(cell: SourceCell, answer: str) -> str:
    """The cell with `answer` in place of the whole stub, below the marker of its question, as a student would hand it in."""
    return f"# question: {cell.grade_id} ({cell.grade_id})\n{answer}"


def _cell(cell: Any) -> SourceCell:
    marks = cell.metadata.get("nbgrader", {})
    role: CellRole = "own"
    if cell.cell_type != "code":
        role = "written" if marks.get("solution") else "text"
    elif marks.get("solution"):
        role = "answer"
    elif marks.get("grade"):
        role = "test"
    elif marks.get("locked"):
        role = "setup"
    return SourceCell(marks.get("grade_id"), role, float(marks.get("points", 0) or 0), cell.source)
