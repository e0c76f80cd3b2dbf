"""The hint sheet for self-study: a first hint, then the known mistakes, then the solution, all folded."""

from __future__ import annotations

from html import escape
from pathlib import Path

from cnnlab.grading.answer_key import Question
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.whole_files import write_whole


def write_hint_sheet(assignment: Assignment, folder: Path) -> Path:
    """Write the hint sheet of `assignment` into `folder`, whole or not at all; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_whole(folder / f"{assignment.name}_hints.md", hint_sheet(assignment))


def hint_sheet(assignment: Assignment) -> str:
    """The hint sheet as Markdown; each part opens with a click, in JupyterLab's preview and on the web.

    The first hint is the grader's default hint; the second lists its hints for the known mistakes.
    """
    parts = [
        f"# {assignment.title}: a ladder of hints",
        "Try first; open one step, and try again before you open the next.",
    ]
    for question in assignment.questions:
        parts += [f"## {question.name} · {question.title}", _details("Hint 1", question.default_hint)]
        parts.append(
            _details("Hint 2: what often goes wrong", "\n".join(f"- {hint}" for hint in _hints(question)))
        )
        solution = assignment.answer_cell(question.name).solution
        parts.append(_details("The solution", f"```python\n{solution}\n```"))
    for written in assignment.written:
        asked = "\n".join(f"- {criterion.text}" for criterion in written.criteria)
        parts += [f"## {written.name} · {written.title}", _details("What a good answer says", asked)]
        parts.append(_details("One such answer", assignment.answer_cell(written.name).solution))
    return "\n\n".join(parts) + "\n"


def _hints(question: Question) -> list[str]:
    sentences = [mistake.hint for mistake in question.mistakes]
    sentences += [measure.hint for case in question.cases for measure in case.measures]
    return list(dict.fromkeys(sentences)) or [question.default_hint]


def _details(title: str, text: str) -> str:
    return f"<details><summary>{escape(title)}</summary>\n\n{text}\n\n</details>"
