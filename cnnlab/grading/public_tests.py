"""The public tests: checks before handing in, in the notebook (`check("q3")`) and in the terminal (`cnnlab check`).

They are stored beside the notebook in `checks.json`: inputs from a public seed, the reference's values for them, and for each
known mistake its value and hint; for measured questions, the test data; of written questions the names. The hidden tests have
other inputs, so these values cannot be handed in.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from cnnlab.grading import probes
from cnnlab.grading.answer_key import Case, Measure, Mistake, Question, Tolerance
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.comparison import difference
from cnnlab.grading.hints import hint
from cnnlab.grading.model_scoring import failed_measure
from cnnlab.grading.sandbox import probe_networks
from cnnlab.grading.sandbox.wire_format import TensorSpec, UnknownValue, decode, encode
from cnnlab.grading.whole_files import write_whole

FILE = "checks.json"
PUBLIC_STUDENT = "everybody"


def write_checks(assignment: Assignment, path: Path) -> None:
    """Write the public cases of `assignment`; the same answer key gives the same file."""
    described = [_describe(assignment, question) for question in assignment.questions]
    content = base64.urlsafe_b64encode(zlib.compress(encode(described), 9)).decode()
    names = [question.name for question in assignment.questions]
    head = {"assignment": assignment.name, "title": assignment.title, "questions": names}
    head["written"] = [question.name for question in assignment.written]
    lines = [content[start : start + 120] for start in range(0, len(content), 120)]
    write_whole(path, json.dumps(head | {"content": lines}, indent=1) + "\n")


def read_checks(path: Path) -> tuple[Question, ...]:
    """The questions in a `checks.json`, each with its public cases.

    Raises
    ------
    ValueError
        If the file has another format.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))["content"]
        described = decode(zlib.decompress(base64.urlsafe_b64decode("".join(content))))
        return tuple(_question(parts) for parts in described)
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise ValueError(f"{path} holds no checks of an assignment ({error}); get it anew.") from None


def read_by_a_person(path: Path) -> list[str]:
    """The names of the written questions, which have no tests; none in a `checks.json` that does not tell of them."""
    return [str(name) for name in json.loads(path.read_text(encoding="utf-8")).get("written", ())]


def find_checks(start: Path | None = None) -> Path | None:
    """The nearest `checks.json`: in the folder of the notebook, or up to two above; None if there is none."""
    folder_of_notebook = (start or Path.cwd()).resolve()
    return next(
        (
            folder / FILE
            for folder in (folder_of_notebook, *folder_of_notebook.parents[:2])
            if (folder / FILE).is_file()
        ),
        None,
    )


def first_hint(question: Question, names: dict[str, Any]) -> str | None:
    """The first hint of the public tests for the definitions in `names`; None if all pass.

    Raises
    ------
    NotImplementedError
        If nothing was attempted.
    """
    if question.defines not in names:
        return f"there is no `{question.defines}` yet: run its cell first"
    student_answer, n_empty = names[question.defines], 0
    for case in question.cases:
        inputs = case.inputs(np.random.default_rng(0))
        try:
            value = (
                student_answer
                if question.variable
                else student_answer(**probe_networks.materialize(case.call_arguments(inputs)))
            )
        except Exception as error:
            if isinstance(error, NotImplementedError) and not str(error):  # torch raises it with a message
                raise
            return f"your code stopped with {type(error).__name__}: {error}"
        if value is None or value is Ellipsis:
            n_empty += 1
            continue
        value = decode(encode(value))  # the form in which the runner returns it
        if case.measures:
            if (failed := failed_measure(value, inputs, case.measures)) is not None:
                return failed
            continue
        expected = question.reference(**inputs)
        if (diff := difference(value, expected, question.tolerance)) is not None:
            return hint(question, inputs, value, expected, diff)
    if n_empty == len(question.cases):
        raise NotImplementedError
    return "nothing comes back for some inputs; is there a `return` on every way?" if n_empty else None


def _describe(assignment: Assignment, question: Question) -> dict[str, Any]:
    cases = []
    for case in question.cases:
        if case.public:
            inputs = probes.draw(probes.PUBLIC, assignment.name, question, case, PUBLIC_STUDENT)
            if case.measures:
                cases.append(
                    {
                        "name": case.name,
                        "inputs": inputs,
                        "kept": list(case.withheld),
                        "measures": [
                            [measure.name, measure.minimum, measure.hint] for measure in case.measures
                        ],
                    }
                )
                continue
            wrong = [[mistake.hint, _mistake_value(mistake, inputs)] for mistake in question.mistakes]
            cases.append(
                {
                    "name": case.name,
                    "inputs": inputs,
                    "expected": probes.expected_value(question, inputs),
                    "wrong": [pair for pair in wrong if not isinstance(pair[1], UnknownValue)],
                }
            )
    return {
        "name": question.name,
        "title": question.title,
        "defines": question.defines,
        "variable": question.variable,
        "otherwise": question.default_hint,
        "tolerance": list(astuple(question.tolerance)),
        "cases": cases,
    }


def _mistake_value(mistake: Mistake, inputs: dict[str, Any]) -> Any:
    try:
        return mistake.answer(**probe_networks.materialize(inputs))
    except Exception:  # this mistake is impossible on these inputs
        return UnknownValue("none")


def _question(parts: dict[str, Any]) -> Question:
    """A question whose reference and mistakes look up stored values; cases are identified by their index."""
    cases, references = [], []
    for number, case in enumerate(parts["cases"]):
        inputs = {key: _tensor(value) for key, value in case["inputs"].items()}
        measures = tuple(Measure(*parts) for parts in case.get("measures", ()))
        cases.append(
            Case(
                case["name"],
                lambda draw, inputs=inputs: inputs,
                1.0,
                public=True,
                withheld=tuple(case.get("kept", ())),
                measures=measures,
            )
        )
        if measures:
            continue
        references.append((inputs, case["expected"], _by_hint(case["wrong"]), number))

    def lookup(arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return next(
            (right, wrong) for inputs, right, wrong, _ in references if _same_arguments(inputs, arguments)
        )

    keys = list(dict.fromkeys(key for _, _, wrong, _ in references for key in wrong))
    mistakes = tuple(Mistake(key[0], lambda key=key, **arguments: lookup(arguments)[1][key]) for key in keys)
    return Question(
        parts["name"],
        parts["title"],
        parts["defines"],
        tuple(cases),
        lambda **arguments: lookup(arguments)[0],
        mistakes,
        parts["otherwise"],
        Tolerance(*parts["tolerance"]),
        variable=parts["variable"],
    )


def _by_hint(wrong: list[Any]) -> dict[tuple[str, int], Any]:
    """The value of each mistake, keyed by its hint and a number, since two mistakes may share a hint."""
    numbered: dict[tuple[str, int], Any] = {}
    for text, value in wrong:
        numbered[text, sum(text == other for other, _ in numbered)] = value
    return numbered


def _tensor(value: Any) -> Any:
    return probe_networks.materialize(value) if isinstance(value, TensorSpec) else value


def _same_arguments(inputs: dict[str, Any], arguments: dict[str, Any]) -> bool:
    """Whether two sets of arguments are equal; networks are not compared, since each call gets its own copy."""
    for key, value in inputs.items():
        if hasattr(value, "shape"):
            other = arguments[key]
            if value.shape != other.shape or not bool((value == other).all()):
                return False
        elif isinstance(value, int | float | str | list) and value != arguments[key]:
            return False
    return True
