"""The class report: distribution of scores, difficulty and discrimination of each question, hints, similar answers."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from rich.live import Live
from rich.table import Table
from rich.text import Text

from cnnlab.grading.assignment import Assignment
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.scoring import Result
from cnnlab.grading.similarity_report import SimilarAnswers, similar_answers

NOT_GRADED = ("grader error", "unreadable", "missing")


@dataclass(frozen=True)
class QuestionReport:
    """Statistics of one question: mean share of its points (1: all have full points), discrimination, statuses, and most frequent hints.

    The share is None where nobody has points yet, since all answers are still to be marked. Discrimination is the correlation of the share
    with the points in all *other* questions; None where either does not vary.
    """

    question: str
    title: str
    share: float | None
    discrimination: float | None
    statuses: dict[str, int]
    hints: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ClassReport:
    """Report on a class: number of submissions, points of each graded student, questions, similar answers.

    `to_be_marked` of the graded ones have an answer that a person has yet to mark, so that their points are those so far.
    """

    assignment: str
    students: int
    points: tuple[float, ...]
    out_of: float
    questions: tuple[QuestionReport, ...]
    alike: tuple[SimilarAnswers, ...]
    to_be_marked: int = 0

    def __str__(self) -> str:
        lines = [f"{self.assignment}: {self.students} submissions, {len(self.points)} graded"]
        if self.to_be_marked:
            lines.append(
                f"{self.to_be_marked} of them with answers still to be marked, whose points are not in"
            )
        if self.points:
            mean, middle = statistics.fmean(self.points), statistics.median(self.points)
            lines.append(
                f"points of {self.out_of:g}: mean {mean:.1f}, median {middle:.1f}, from {min(self.points):g} to {max(self.points):g}"
            )
            lines += _histogram(self.points, self.out_of)
        for question in self.questions:
            how = "-" if question.discrimination is None else f"{question.discrimination:+.2f}"
            share = "-" if question.share is None else f"{question.share:.2f}"
            counts = ", ".join(f"{count} {status}" for status, count in sorted(question.statuses.items()))
            lines.append(
                f"{question.question} {question.title}: share {share}, discrimination {how}; {counts}"
            )
            lines += [f"    {count} x {hint}" for hint, count in question.hints]
        if self.alike:
            lines.append("look-alikes, for a human to judge:")
            lines += [
                f"    {len(group.students)} in {group.question}, {group.similarity:.0%}: {', '.join(group.students)}"
                for group in self.alike
            ]
        return "\n".join(lines)


def class_report(assignment: Assignment, results: list[Result]) -> ClassReport:
    """The report on the results of an assignment; submissions without a grade count in no mean."""
    graded = [result for result in results if result.status not in NOT_GRADED]
    return ClassReport(
        assignment.name,
        len(results),
        tuple(sorted(result.points for result in graded)),
        assignment.points,
        tuple(
            _question_report(assignment, number, graded) for number in range(len(assignment.every_question))
        ),
        tuple(similar_answers(assignment, graded)),
        sum("to be marked" in {item.status for item in result.questions} for result in graded),
    )


def live_table(assignment: Assignment, gradebook: Gradebook, rows: int = 15) -> Table:
    """The class as it is in the gradebook now: a line of counts, and the results that came last, for `rows` lines of a terminal."""
    results = [
        gradebook.result(assignment.name, student) for student in gradebook.latest(assignment.name)[:rows]
    ]
    counts = gradebook.statuses(assignment.name)
    words = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "nothing yet"
    names = [question.name for question in assignment.every_question]
    table = Table(
        "student",
        "status",
        "points",
        *names,
        title=f"{assignment.name}: {sum(counts.values())} submissions: {words}",
    )
    for result in results:
        points = {item.question: f"{item.points:g}" for item in result.questions}
        total = f"{result.points:g} / {assignment.points:g}"
        table.add_row(Text(result.student), result.status, total, *(points.get(name, "") for name in names))
    return table


def watch(assignment: Assignment, gradebook: Gradebook, seconds: float = 2.0) -> None:
    """Show `live_table`, and anew every few seconds, until Ctrl-C; another process may be grading."""
    with Live(live_table(assignment, gradebook), auto_refresh=False) as live, suppress(KeyboardInterrupt):
        while True:
            time.sleep(seconds)
            live.update(live_table(assignment, gradebook), refresh=True)


def _question_report(assignment: Assignment, number: int, graded: list[Result]) -> QuestionReport:
    question = assignment.every_question[number]
    question_results = [result.questions[number] for result in graded]
    known = [
        (item.points / item.out_of, result.points - item.points)
        for result, item in zip(graded, question_results, strict=True)
        if item.status != "to be marked"
    ]
    shares, other_points = ([pair[side] for pair in known] for side in (0, 1))
    has_variance = len(set(shares)) > 1 and len(set(other_points)) > 1
    hints = Counter(
        hint for item in question_results for hint in {case.hint for case in item.cases if case.hint}
    )
    return QuestionReport(
        question.name,
        question.title,
        statistics.fmean(shares) if shares else None,
        statistics.correlation(shares, other_points) if has_variance else None,
        dict(Counter(item.status for item in question_results)),
        tuple(hints.most_common(3)),
    )


def _histogram(points: tuple[float, ...], out_of: float) -> list[str]:
    counts = Counter(min(9, int(10 * value / out_of)) for value in points)
    highest = max(counts.values())
    return [
        f"    {out_of * tenth / 10:5.1f} to {out_of * (tenth + 1) / 10:5.1f}  {'#' * round(30 * counts[tenth] / highest)} {counts[tenth]}"
        for tenth in range(10)
    ]
