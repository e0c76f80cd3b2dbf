"""Decisions of people: marks for written answers, and points in place of those that were computed.

A decision is given for one answer, as it stood then. It is kept for good: the latest counts, also after the next grading, and where the
answer has changed since, that is said and a person looks again. `effective` is the one place where points of people and of
the grader come together; the gradebook gives out nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

from cnnlab.grading.scoring import QuestionResult, Result, submission_status

Kind = Literal["marked", "accepted", "open"]


@dataclass(frozen=True)
class Decision:
    """What a marker decided on one answer.

    Parameters
    ----------
    kind
        "marked": these points count; "accepted": the computed ones do, and nobody need look again; "open": nothing is decided on them.
    criteria
        The points for each line of the rubric.
    reason, comments
        Why points differ from the computed ones, and remarks; the student reads both.
    second_look
        Whether a person should look at it once more.
    digest
        The answer for which it was given, as in `answer_digest`.
    number, seen
        Its number in the gradebook, and that of the latest decision on this answer which the marker knew (0: none).
    unseen
        Who had decided in between, without the marker's knowing ("" for nobody).
    """

    student: str
    question: str
    kind: Kind
    points: float = 0.0
    criteria: tuple[float, ...] = ()
    comments: tuple[str, ...] = ()
    reason: str = ""
    second_look: bool = False
    marker: str = ""
    digest: str = ""
    time: float = 0.0
    number: int = 0
    seen: int = 0
    unseen: str = ""


def answer_digest(graded: QuestionResult) -> str:
    """A hash of the answer, and of the code whose pictures stand beside it."""
    parts = [graded.code, *(exhibit.code for exhibit in graded.exhibits)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def effective(result: Result, decisions: dict[str, Decision]) -> Result:
    """The result as it counts, with the latest decision on each question, by name."""
    if not decisions:
        return result
    questions = tuple(_decided(graded, decisions.get(graded.question)) for graded in result.questions)
    whole = result.status in ("unreadable", "missing", "grader error")
    if whole and not all(graded.decision and graded.decision.kind != "open" for graded in questions):
        return replace(result, questions=questions)
    return replace(result, questions=questions, status=submission_status(questions, result.notes))


def _decided(graded: QuestionResult, decision: Decision | None) -> QuestionResult:
    if decision is None:
        return graded
    is_open = decision.kind == "open"
    review = list(graded.review) if is_open else []
    if not is_open and decision.digest != answer_digest(graded):
        review = [f"the answer has changed since {decision.marker} marked it", *graded.review]
    if decision.second_look:
        review.append(f"{decision.marker} asks for a second look")
    if decision.unseen:
        review.append(f"{decision.unseen} and {decision.marker} marked it at the same time; the later counts")
    return replace(
        graded,
        status="needs review" if review else graded.status if is_open else "marked",
        points=decision.points if decision.kind == "marked" else graded.points,
        review=tuple(review),
        decision=decision,
    )
