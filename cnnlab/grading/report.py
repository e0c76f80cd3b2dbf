"""The class report: the spread of the scores, how hard each question is and whether it tells strong from weak, hints, look-alikes."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass

from cnnlab.grading.assignment import Assignment
from cnnlab.grading.lookalikes import Lookalike, lookalikes
from cnnlab.grading.scoring import Result

NOT_GRADED = ("grader error", "unreadable", "missing")


@dataclass(frozen=True)
class QuestionReport:
    """One question: mean share of its points (1: everybody has all), discrimination, statuses, and the hints that were given most.

    Discrimination is the correlation of the share with the points in all *other* questions; None where one of them does not vary.
    """

    question: str
    title: str
    share: float
    discrimination: float | None
    statuses: dict[str, int]
    hints: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ClassReport:
    """A class: how many, the points of each student who was graded, the questions, the look-alikes."""

    assignment: str
    students: int
    points: tuple[float, ...]
    out_of: float
    questions: tuple[QuestionReport, ...]
    pairs: tuple[Lookalike, ...]

    def __str__(self) -> str:
        lines = [f"{self.assignment}: {self.students} submissions, {len(self.points)} graded"]
        if self.points:
            mean, middle = statistics.fmean(self.points), statistics.median(self.points)
            lines.append(
                f"points of {self.out_of:g}: mean {mean:.1f}, median {middle:.1f}, from {min(self.points):g} to {max(self.points):g}"
            )
            lines += _histogram(self.points, self.out_of)
        for one in self.questions:
            how = "-" if one.discrimination is None else f"{one.discrimination:+.2f}"
            counts = ", ".join(f"{count} {status}" for status, count in sorted(one.statuses.items()))
            lines.append(f"{one.question} {one.title}: share {one.share:.2f}, discrimination {how}; {counts}")
            lines += [f"    {count} x {hint}" for hint, count in one.hints]
        if self.pairs:
            lines.append("look-alikes, for a human to judge:")
            lines += [
                f"    {pair.one} and {pair.other}, {pair.question}: {pair.likeness:.0%}"
                for pair in self.pairs
            ]
        return "\n".join(lines)


def class_report(assignment: Assignment, results: list[Result]) -> ClassReport:
    """The report over the results of an assignment; those that nobody could grade count in no mean."""
    graded = [result for result in results if result.status not in NOT_GRADED]
    return ClassReport(
        assignment.name,
        len(results),
        tuple(sorted(result.points for result in graded)),
        assignment.points,
        tuple(_question(assignment, number, graded) for number in range(len(assignment.questions))),
        tuple(lookalikes(assignment, graded)),
    )


def _question(assignment: Assignment, number: int, graded: list[Result]) -> QuestionReport:
    question = assignment.questions[number]
    own = [result.questions[number] for result in graded]
    shares = [one.points / one.out_of for one in own]
    rest = [result.points - one.points for result, one in zip(graded, own, strict=True)]
    varies = len(set(shares)) > 1 and len(set(rest)) > 1
    hints = Counter(hint for one in own for hint in {case.hint for case in one.cases if case.hint})
    return QuestionReport(
        question.name,
        question.title,
        statistics.fmean(shares) if shares else 0.0,
        statistics.correlation(shares, rest) if varies else None,
        dict(Counter(one.status for one in own)),
        tuple(hints.most_common(3)),
    )


def _histogram(points: tuple[float, ...], out_of: float) -> list[str]:
    counts = Counter(min(9, int(10 * value / out_of)) for value in points)
    most = max(counts.values())
    return [
        f"    {out_of * tenth / 10:5.1f} to {out_of * (tenth + 1) / 10:5.1f}  {'#' * round(30 * counts[tenth] / most)} {counts[tenth]}"
        for tenth in range(10)
    ]
