"""`check` and `claim`: one line in a notebook, one line of answer."""

from __future__ import annotations

import math
from typing import Any

from cnnlab.grading.exercises import EXERCISES
from cnnlab.inputs import one_of


def check(question: str, answer: Any) -> None:
    """Print whether `answer` (a function or a value) solves an exercise: "passed", "not attempted", or "not yet" with a hint.

    A stub that returns nothing, or raises NotImplementedError, counts as not attempted. An error inside the answer is told in
    one line and never stops the notebook.

    Raises
    ------
    ValueError
        If there is no such question; the message lists them.
    """
    exercise = EXERCISES[one_of(question, EXERCISES, "question")]
    try:
        hint = exercise(answer)
    except NotImplementedError:
        print(f"{question}: not attempted")
        return
    except Exception as error:
        hint = f"your code stopped with {type(error).__name__}: {error}"
    print(f"{question}: passed" if hint is None else f"{question}: not yet - {hint}")


def claim(sentence: str, measured: float, *, above: float | None = None, below: float | None = None) -> None:
    """Print whether `sentence` holds: `measured` must lie strictly above and below the given bounds.

    Raises
    ------
    ValueError
        If no bound is given: a claim that cannot fail is none.
    """
    if above is None and below is None:
        raise ValueError("a claim needs a bound: say above=..., below=... or both.")
    holds = (
        math.isfinite(measured)
        and (above is None or measured > above)
        and (below is None or measured < below)
    )
    print(f"{'holds' if holds else 'does not hold'}: {sentence}")
