"""Declaration of an exercise: a generator of cases, each with the right value, the wrong value of each mistake, and a default hint.

>>> @exercise("00.area")
... def area():
...     '''The area of a rectangle: `answer(width, height)`.'''
...     for width, height in ((3, 5), (4, 1)):
...         mistakes = {"this is the perimeter": 2 * (width + height)}
...         yield Case((width, height), width * height, mistakes, "you give {result}; count the squares")
>>> area(lambda width, height: 2 * width + 2 * height)
'this is the perimeter'
>>> area(lambda width, height: width + height)
'you give 8; count the squares'
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnlab.grading.answer_key import Tolerance
from cnnlab.grading.comparison import close


@dataclass(frozen=True)
class Case:
    """One call of the answer, and the check of its result.

    Parameters
    ----------
    arguments
        Arguments of the answer, which gets copies. None: the answer is a value and not a function.
    expected
        The right value, or a function that returns whether a result is right.
    mistakes
        For each hint its wrong value, such a function, or a tuple of several. The first match counts.
    default_hint
        The hint when no mistake matches, or a function from the result to the hint. `{result}` in a hint is the result.
    """

    arguments: tuple | None
    expected: Any
    mistakes: dict[str, Any]
    default_hint: str | Callable[[Any], str]


Requirement = Callable[[Any, Case, tuple], str | None]
"""Function of the result, the case, and the arguments after the call; returns a hint if the result cannot be compared."""


@dataclass(frozen=True)
class Exercise:
    """An exercise: its name in the notebook, such as "05.hit", and the function that checks a student's answer.

    The check returns None for a right answer, else a hint, and raises NotImplementedError if nothing was attempted.
    """

    name: str
    check: Callable[[Any], str | None]

    def __call__(self, answer: Any) -> str | None:
        return self.check(answer)


def exercise(
    name: str,
    *requirements: Requirement,
    read: Callable[[Any], Any] | None = None,
    relative: float = 1e-5,
    absolute: float = 1e-5,
    outlier_fraction: float = 0.0,
) -> Callable[[Callable[[], Iterator[Case]]], Exercise]:
    """Decorator that makes an exercise of a generator of cases; the first case that an answer fails gives the hint.

    Results must meet the `requirements`, in this order, before they are compared. `read` converts all values to the form in which they are
    compared; without it, results become tensors or floats where the right value is one. The tolerances are those of
    `cnnlab.grading.answer_key.Tolerance`, for tensors and floats; all else must be equal.
    """
    tolerance = Tolerance(relative, absolute, outlier_fraction)

    def first_hint(answer: Any, case: Case) -> str | None:
        passed = copy.deepcopy(case.arguments)
        result = require_attempt(answer if passed is None else answer(*passed))
        for requirement in requirements:
            if hint := requirement(result, case, passed):
                return hint
        convert = read or _converter(case.expected)
        result = convert(result)
        is_exact = not callable(case.expected) and not isinstance(convert(case.expected), float | Tensor)

        def fits(value: Any) -> bool:
            if isinstance(value, tuple):
                return any(map(fits, value))
            if callable(value):
                return bool(value(result))
            value = convert(value)
            return bool(result == value) if is_exact else _is_close(result, value, tolerance)

        if fits(case.expected):
            return None
        hint = next((hint for hint, wrong in case.mistakes.items() if fits(wrong)), case.default_hint)
        return hint(result) if callable(hint) else hint.format(result=result)

    def decorator(cases: Callable[[], Iterator[Case]]) -> Exercise:
        return Exercise(
            name, lambda answer: next(filter(None, (first_hint(answer, case) for case in cases())), None)
        )

    return decorator


def require_attempt(result: Any) -> Any:
    """The result of an answer, unchanged; a stub that returns nothing raises NotImplementedError."""
    if result is None or result is Ellipsis:
        raise NotImplementedError
    return result


def _converter(expected: Any) -> Callable[[Any], Any]:
    if isinstance(expected, Tensor) and expected.ndim:
        return lambda value: torch.as_tensor(value).detach().to(expected.dtype)
    return float if isinstance(expected, float | Tensor) else lambda value: value


def _is_close(value: float | Tensor, expected: float | Tensor, tolerance: Tolerance) -> bool:
    value, expected = np.asarray(value), np.asarray(expected)
    return value.shape == expected.shape and close(value, expected, tolerance)
