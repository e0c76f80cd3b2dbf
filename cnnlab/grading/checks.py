"""`check` and `claim`: one-line tests in a notebook that print one line."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

from cnnlab._validation import one_of
from cnnlab.grading.exercises import EXERCISES

_MISSING = object()


def check(question: str, answer: Any = _MISSING) -> None:
    """Check an answer (a function or a value) to an exercise: prints "passed", "not attempted", or "not yet" with a hint.

    In the notebook of an assignment, `check("q3")` suffices for one of its questions: the answer is found by its name, and the public
    tests are those in the `checks.json` beside the notebook. The hidden tests have other inputs, so an answer that passes may still fail.

    A stub that returns nothing, or raises NotImplementedError, counts as not attempted. An error inside the answer is reported in
    one line and never stops the notebook.

    Raises
    ------
    ValueError
        If there is no such question; the message lists them.
    """
    names = sys._getframe(1).f_globals
    try:
        hint = _hint(question, answer, names)
    except NotImplementedError:
        print(f"{question}: not attempted")
        return
    print(f"{question}: passed" if hint is None else f"{question}: not yet - {hint}")


def passes_public_tests(question: str, folder: Path | None = None) -> bool:
    """Whether the caller's answer to an assignment's question passes the public tests: for `assert` in a test cell of nbgrader."""
    try:
        return _assignment_hint(question, sys._getframe(1).f_globals, folder) is None
    except NotImplementedError:
        return False


def _hint(question: str, answer: Any, names: dict[str, Any]) -> str | None:
    if answer is _MISSING:
        return _assignment_hint(question, names)
    exercise = EXERCISES[one_of(question, EXERCISES, "question")]
    try:
        return exercise(answer)
    except NotImplementedError:
        raise
    except Exception as error:
        return f"your code stopped with {type(error).__name__}: {error}"


def _assignment_hint(question: str, names: dict[str, Any], folder: Path | None = None) -> str | None:
    from cnnlab.grading import public_tests

    path = public_tests.find_checks(folder)
    if path is None:
        raise FileNotFoundError(
            f"there is no {public_tests.FILE} here: `check({question!r})` works in the folder of an assignment's notebook,"
            " where that file lies."
        )
    questions = {item.name: item for item in public_tests.read_checks(path)}
    return public_tests.first_hint(questions[one_of(question, questions, "question")], names)


def claim(sentence: str, measured: float, *, above: float | None = None, below: float | None = None) -> None:
    """Print whether `sentence` holds: `measured` must lie strictly above and below the given bounds, which are printed with it.

    nbval compares the verdict and the sentence, and leaves out what stands in parentheses (`nbval_sanitize.ini`): numbers that a network
    computes differ a little from one processor to the next.

    Raises
    ------
    ValueError
        If no bound is given, since such a claim cannot fail.
    """
    bounds = {word: bound for word, bound in (("above", above), ("below", below)) if bound is not None}
    if not bounds:
        raise ValueError("a claim needs a bound: say above=..., below=... or both.")
    holds = (
        math.isfinite(measured)
        and (above is None or measured > above)
        and (below is None or measured < below)
    )
    number, *limits = _distinct(measured, *bounds.values())
    claimed = " and ".join(f"{word} {limit}" for word, limit in zip(bounds, limits, strict=True))
    print(f"{'holds' if holds else 'does not hold'}: {sentence} (measured {number}, claimed {claimed})")


def _distinct(*numbers: float) -> list[str]:
    """The numbers in three significant digits, or in as many as it takes to tell the first from the others."""
    for digits in range(3, 18):
        texts = [
            f"{float(number) + 0.0:.{digits}g}" for number in numbers
        ]  # + 0.0: without the sign of minus zero
        if all(
            text != texts[0] or float(number) == float(numbers[0])
            for text, number in zip(texts[1:], numbers[1:], strict=True)
        ):
            break
    return texts
