"""What a key is made of: questions, their cases, tolerances and the mistakes that are told apart.

A key is a Python module beside the source of an assignment (`instructor/key.py`). It names its `ASSIGNMENT`, its `TITLE` and its
`QUESTIONS`. The module is imported by the grader only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnlab.grading.limits import Limits
from cnnlab.grading.sandbox.wire_format import NetworkSpec

__all__ = ["Case", "Limits", "Measure", "Mistake", "NetworkSpec", "Question", "Tolerance"]


@dataclass(frozen=True)
class Tolerance:
    """How far a number may lie from the reference: |answer - reference| <= absolute + relative * |reference|.

    `outlier_fraction` is the share of the numbers that may lie farther off: where a sign or a rank decides, rounding can tip one over.
    """

    relative: float = 1e-4
    absolute: float = 1e-5
    outlier_fraction: float = 0.0


@dataclass(frozen=True)
class Measure:
    """What the grader measures itself: a name of `cnnlab.grading.model_scoring.MEASURES`, how much is enough, the hint where it is less."""

    name: str
    minimum: float
    hint: str


@dataclass(frozen=True)
class Case:
    """One probe: `inputs(draw)` gives the arguments by name, from a numpy Generator of the student's own; worth `points`.

    Arguments are numbers, text, numpy arrays, torch tensors, lists and dictionaries of them, and `NetworkSpec(name, seed)`. With
    `public`, the case is also given to students, drawn from a seed that everybody has.

    Where a training has no single right outcome, `measures` say what must come of it. Those of the inputs that are named in `withheld` stay
    with the grader: the answer is not called with them, it is measured on them.
    """

    name: str
    inputs: Callable[[np.random.Generator], dict[str, Any]]
    points: float
    public: bool = False
    withheld: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()

    def call_arguments(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Those of the inputs that the answer is called with."""
        return {key: value for key, value in inputs.items() if key not in self.withheld}


@dataclass(frozen=True)
class Mistake:
    """A way to be wrong: what it gives back in place of the reference, and the hint that helps. The hint never holds the answer."""

    hint: str
    answer: Callable[..., Any]


@dataclass(frozen=True)
class Question:
    """A question of an assignment.

    Parameters
    ----------
    name, title
        As it is called in the notebook ("q1"), and in words.
    defines
        The function that the answer cell defines; or, with `variable`, the name that it gives a value.
    cases
        The probes; their points are the question's.
    reference
        What a right answer gives back. A plain function, called with a case's inputs.
    mistakes
        Wrong answers that are told apart, the more special first.
    default_hint
        The hint when no mistake fits.
    tolerance, limits
        For the comparison, and for the call.
    forbidden_names
        Dotted names, such as "networks.activations", whose use wants a human's eye since they are the answer.
    """

    name: str
    title: str
    defines: str
    cases: tuple[Case, ...]
    reference: Callable[..., Any]
    mistakes: tuple[Mistake, ...] = ()
    default_hint: str = "take the smallest case that you can work out by hand, and compare"
    tolerance: Tolerance = field(default_factory=Tolerance)
    limits: Limits = field(default_factory=lambda: Limits(seconds=30, cpu=30))
    variable: bool = False
    forbidden_names: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """What the question is worth: the points of its cases."""
        return sum(case.points for case in self.cases)
