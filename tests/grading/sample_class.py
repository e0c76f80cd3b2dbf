"""A small assignment, and submissions to it as they come in real life."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import nbformat

KEY = '''
"""The key of a small assignment."""

import numpy as np

from cnnlab.grading.answer_key import Case, Limits, Mistake, Question

ASSIGNMENT = "tiny"
TITLE = "A small assignment"
SECRET_OF_THE_KEY = "the reference triples"


def numbers(draw):
    return {"values": draw.normal(size=(3, 4))}


LIMITS = Limits(seconds=6, cpu=3)
QUESTIONS = (
    Question(
        "q1",
        "Three times as much",
        "triple",
        (
            Case("numbers", numbers, 2, public=True),
            Case("more numbers", numbers, 1),
            Case("nothing", lambda draw: {"values": np.zeros(0)}, 1),
        ),
        lambda values: values * 3,
        (Mistake("that is twice as much", lambda values: values * 2),),
        limits=LIMITS,
    ),
    Question(
        "q2", "The sum of the rows", "row_sums", (Case("numbers", numbers, 2, public=True),), lambda values: values.sum(1), limits=LIMITS
    ),
    Question("q3", "A number", "answer", (Case("it", lambda draw: {}, 1),), lambda: 42, variable=True, limits=LIMITS),
)
'''

WRITTEN = """
from cnnlab.grading.answer_key import Criterion, Written

WRITTEN = (
    Written(
        "w1",
        "Explain your map",
        (Criterion("names the place", 1), Criterion("says why", 2), Criterion("says what it cannot tell", 1)),
        beside=("w1-look",),
        comments=("say which pixels you mean",),
    ),
)
"""
ASKED = "## w1 · Explain your map (4 points)\n\nWhy is the background lit on *your* seed?"
MODEL_ANSWER = "The meadow is lit, since all sheep stood on meadows."

STUB = "### BEGIN SOLUTION\n{}\n### END SOLUTION"
SOLUTIONS = {
    "q1": "# question: q1\ndef triple(values):\n    ### BEGIN SOLUTION\n    return values * 3\n    ### END SOLUTION",
    "q2": "# question: q2\ndef row_sums(values):\n    ### BEGIN SOLUTION\n    return values.sum(axis=1)\n    ### END SOLUTION",
    "q3": "# question: q3\n### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION",
}
RIGHT = {
    "q1": "def triple(values):\n    return values + values + values",
    "q2": "def row_sums(values):\n    return np.array([row.sum() for row in values])",
    "q3": "answer = 42",
}
STUBS = {
    "q1": "def triple(values):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
    "q2": "def row_sums(values):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
    "q3": "# YOUR CODE HERE\nraise NotImplementedError()",
}
POINTS = 7.0


def marks(grade_id: str, **more) -> dict:
    plain = {
        "schema_version": 3,
        "grade_id": grade_id,
        "locked": False,
        "grade": False,
        "solution": False,
        "task": False,
    }
    return {"nbgrader": plain | more}


def write_assignment(folder: Path, *, seconds: int = 6, cpu: int = 3, written: bool = False) -> Path:
    """The small assignment in a folder of its own; a question may take so many seconds of the clock and of the processor.

    With `written` there is a question more, of four points, that is answered in words.
    """
    instructor = folder / "instructor"
    instructor.mkdir(parents=True)
    key = KEY.replace("Limits(seconds=6, cpu=3)", f"Limits(seconds={seconds}, cpu={cpu})")
    (instructor / "key.py").write_text(key + WRITTEN * written, encoding="utf-8")
    cells = [
        nbformat.v4.new_code_cell("import numpy as np", id="setup", metadata=marks("setup", locked=True))
    ]
    for name, source in SOLUTIONS.items():
        cells.append(nbformat.v4.new_code_cell(source, id=name, metadata=marks(name, solution=True)))
        test = f"lab_has_checks = True\n### BEGIN HIDDEN TESTS\nassert 'hidden' and {name!r}\n### END HIDDEN TESTS"
        cells.append(
            nbformat.v4.new_code_cell(
                test, id=f"{name}-test", metadata=marks(f"{name}-test", grade=True, locked=True, points=1)
            )
        )
    if written:
        answer = f"### BEGIN SOLUTION\n{MODEL_ANSWER}\n### END SOLUTION"
        scheme = f"{ASKED}\n### BEGIN MARK SCHEME\nbe kind\n### END MARK SCHEME"
        cells += [
            nbformat.v4.new_markdown_cell(scheme, id="w1-text"),
            nbformat.v4.new_code_cell("my_seed = 1", id="w1-look"),
            nbformat.v4.new_markdown_cell(
                answer, id="w1-answer", metadata=marks("w1", grade=True, solution=True, points=4)
            ),
        ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), instructor / "source.ipynb")
    return folder


def notebook(
    answers: dict[str, str] | None = None, *, ids: bool = True, markers: bool = True, more: list[str] = ()
) -> dict:
    """A submission with these answers (the right ones unless said, the stub for what is left out), as plain values."""
    answers = RIGHT if answers is None else answers
    cells = [cell("import numpy as np", marks("setup", locked=True) if ids else {})]
    cells += [cell(source) for source in more]
    for name in RIGHT:
        text = answers.get(name, STUBS[name])
        cells.append(
            cell(
                f"# question: {name}\n{text}" if markers else text, marks(name, solution=True) if ids else {}
            )
        )
    return {
        "cells": cells,
        "metadata": {"cnnlab": {"assignment": "tiny"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def with_essay(content: dict, text: str, *, picture: bytes = b"", look: str = "my_seed = 1") -> dict:
    """The submission with a written answer, and a cell before it that has stored this picture."""
    look_cell = cell(look) | {"id": "w1-look"}
    if picture:
        bundle = {"image/png": base64.b64encode(picture).decode(), "text/plain": "a map over a sheep"}
        look_cell["outputs"] = [{"output_type": "display_data", "data": bundle, "metadata": {}}]
    essay = {"cell_type": "markdown", "id": "w1-answer", "source": text}
    essay["metadata"] = marks("w1", grade=True, solution=True, points=4)
    asked = {"cell_type": "markdown", "id": "w1-text", "source": ASKED, "metadata": {}}
    return content | {"cells": [*content["cells"], asked, look_cell, essay]}


def cell(source: str, metadata: dict | None = None) -> dict:
    return {
        "cell_type": "code",
        "source": source,
        "metadata": metadata or {},
        "outputs": [],
        "execution_count": None,
    }


def hand_in(path: Path, content: dict | str | bytes) -> Path:
    """Put a submission where it belongs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
