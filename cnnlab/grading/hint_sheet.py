"""The ladder of hints for who works alone: a first hint, then the mistakes that are told apart, then the solution, folded away."""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path

from cnnlab.grading.assignment import Assignment
from cnnlab.grading.questions import Question

MARKS = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[^\n]*\n?", re.M)


def write_ladder(assignment: Assignment, folder: Path) -> Path:
    """Write the ladder of `assignment` into `folder`, whole or not at all; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{assignment.name}_hints.md"
    new = path.with_name(f".{path.name}.new")
    new.write_text(ladder(assignment), encoding="utf-8")
    os.replace(new, path)
    return path


def ladder(assignment: Assignment) -> str:
    """Hints and solutions as Markdown; what is folded opens with a click, in JupyterLab's preview and on the web.

    The first hint is the one that the grader gives when it knows no better; the second lists what it says to each mistake that it knows.
    """
    parts = [
        f"# {assignment.title}: a ladder of hints",
        "Try first; open one step, and try again before you open the next.",
    ]
    for question in assignment.questions:
        parts += [f"## {question.name} · {question.title}", _folded("Hint 1", question.otherwise)]
        parts.append(
            _folded("Hint 2: what often goes wrong", "\n".join(f"- {hint}" for hint in _hints(question)))
        )
        solution = MARKS.sub("", assignment.answer(question.name).source).rstrip()
        parts.append(_folded("The solution", f"```python\n{solution}\n```"))
    return "\n\n".join(parts) + "\n"


def _hints(question: Question) -> list[str]:
    told = [mistake.hint for mistake in question.mistakes]
    told += [measure.hint for case in question.cases for measure in case.measures]
    return list(dict.fromkeys(told)) or [question.otherwise]


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{escape(title)}</summary>\n\n{text}\n\n</details>"
