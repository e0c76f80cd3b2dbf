"""The answer key: questions, their cases, tolerances and known mistakes; written questions and their rubrics.

An answer key is a Python module beside the source of an assignment (`instructor/key.py`). It defines `ASSIGNMENT`, `TITLE` and
`QUESTIONS`, and `WRITTEN` if some questions are answered in words. Only the grader imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnlab.grading.limits import Limits
from cnnlab.grading.sandbox.wire_format import NetworkSpec

__all__ = [
    "Case",
    "Criterion",
    "Limits",
    "Measure",
    "Mistake",
    "NetworkSpec",
    "Question",
    "Tolerance",
    "Written",
]


@dataclass(frozen=True)
class Tolerance:
    """Tolerance of a comparison with the reference: |answer - reference| <= absolute + relative * |reference|.

    `outlier_fraction` is the share of the numbers that may exceed it: where a sign or a rank decides, rounding can flip one.
    """

    relative: float = 1e-4
    absolute: float = 1e-5
    outlier_fraction: float = 0.0


@dataclass(frozen=True)
class Measure:
    """A measure computed by the grader: its name in `cnnlab.grading.model_scoring.MEASURES`, the required value, and the hint below it."""

    name: str
    minimum: float
    hint: str


@dataclass(frozen=True)
class Case:
    """One probe: `inputs(draw)` returns the arguments by name, from a numpy Generator seeded for the student; worth `points`.

    Arguments are numbers, text, numpy arrays, torch tensors, lists and dictionaries of them, and `NetworkSpec(name, seed)`. With
    `public`, the case is also given to students, drawn from a public seed.

    Where a training has no single right outcome, `measures` state the requirements. The inputs named in `withheld` stay
    with the grader: they are not arguments of the answer, but the measures use them.
    """

    name: str
    inputs: Callable[[np.random.Generator], dict[str, Any]]
    points: float
    public: bool = False
    withheld: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()

    def call_arguments(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs that are arguments of the answer."""
        return {key: value for key, value in inputs.items() if key not in self.withheld}


@dataclass(frozen=True)
class Mistake:
    """A known mistake: the wrong value that it gives in place of the reference, and its hint. The hint never contains the answer."""

    hint: str
    answer: Callable[..., Any]


@dataclass(frozen=True)
class Question:
    """A question of an assignment.

    Parameters
    ----------
    name, title
        The name in the notebook ("q1"), and a title.
    defines
        The name of the function that the answer cell defines; or, with `variable`, of the value.
    cases
        The probes; the question is worth the sum of their points.
    reference
        The reference solution: a function, called with a case's inputs.
    mistakes
        Known mistakes, the more specific first.
    default_hint
        The hint when no mistake matches.
    tolerance, limits
        Tolerance of the comparison, and limits of the call.
    forbidden_names
        Dotted names, such as "networks.activations", whose use is flagged for review, since they are the answer.
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
        """Points of the question: the sum over its cases."""
        return sum(case.points for case in self.cases)


@dataclass(frozen=True)
class Criterion:
    """One line of a rubric: what an answer must say, and its points."""

    text: str
    points: float


@dataclass(frozen=True)
class Written:
    """A question that is answered in words and marked by a person; its cell in the source is a text cell with this name as its id.

    Parameters
    ----------
    name, title
        The id of its cell ("w1"), and a title.
    criteria
        The rubric; the question is worth the sum of its points.
    beside
        The ids of cells of the notebook whose code and pictures stand beside the answer.
    comments
        Comments to begin with; those that markers write are added to them.
    """

    name: str
    title: str
    criteria: tuple[Criterion, ...]
    beside: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """Points of the question: the sum over its rubric."""
        return sum(criterion.points for criterion in self.criteria)
