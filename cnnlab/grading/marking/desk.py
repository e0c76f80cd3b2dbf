"""The marker's desk: the answers of a class to each question, in plain values for the page, and the decisions that come back.

Students are called by keys that tell nothing of their names; names are given only if the desk is told to. Each marker gets the answers in
an order of their own, so that no answer is always the last to be read, and two who share the work seldom meet.
"""

from __future__ import annotations

import hmac
import math
from collections import Counter
from dataclasses import asdict
from typing import Any, get_args

from cnnlab._validation import one_of
from cnnlab.grading import untrusted
from cnnlab.grading.answer_key import Question, Written
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.decisions import Decision, Kind, answer_digest
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.scoring import QuestionResult

MAX_COMMENTS, MAX_COMMENT = 20, 2000
MAX_SHOWN = 30_000  # characters of what cells printed


class Desk:
    """The desk of one marker, over the results of an assignment in a gradebook; `names` says whether students are named."""

    def __init__(
        self, assignment: Assignment, gradebook: Gradebook, marker: str, *, names: bool = False
    ) -> None:
        self.assignment, self.gradebook, self.names = assignment, gradebook, names
        self.marker = untrusted.line(marker, 80)
        self._secret = gradebook.secret
        self._questions = {question.name: question for question in assignment.every_question}

    def overview(self) -> dict[str, Any]:
        """All questions with rubric, comments and the state of each answer, in this marker's order."""
        latest = self._latest()
        results = list(self.gradebook.results(self.assignment.name))
        questions = []
        for name, question in self._questions.items():
            states = [
                self._state(result.student, graded)
                for result in results
                for graded in result.questions
                if graded.question == name
            ]
            states.sort(key=lambda state, name=name: self._hash("order", name, self.marker, state["key"]))
            questions.append(self._described(question) | {"answers": states})
        named = {"assignment": self.assignment.name, "title": self.assignment.title, "marker": self.marker}
        return named | {"anonymous": not self.names, "latest": latest, "questions": questions}

    def answer(self, question: str, key: str) -> dict[str, Any]:
        """One answer with all that stands beside it.

        Raises
        ------
        ValueError
            If there is no such question.
        KeyError
            If there is no such answer.
        """
        student, graded = self._find(question, key)
        history = [one for one in self._decisions(student) if one.question == question]
        number, cases, exhibits = 0, [], []
        for case in graded.cases:
            shown = {"name": case.name, "points": case.points, "out_of": case.out_of, "hint": case.hint}
            cases.append(shown | {"picture": number if case.picture else None})
            number += bool(case.picture)
        for exhibit in graded.exhibits:
            shown = {"name": exhibit.name, "code": untrusted.visible(exhibit.code)}
            shown["alt"] = untrusted.visible(exhibit.alt)
            exhibits.append(shown | {"picture": number if exhibit.picture else None})
            number += bool(exhibit.picture)
        return self._state(student, graded) | {
            "question": question,
            "name": untrusted.visible(student) if self.names else None,
            "text": untrusted.visible(graded.code),
            "printed": untrusted.visible(graded.text[:MAX_SHOWN]),
            "computed": _computed(graded),
            "out_of": graded.out_of,
            "notes": list(graded.notes),
            "review": list(graded.review),
            "cases": cases,
            "exhibits": exhibits,
            "digest": answer_digest(graded),
            "decision": _plain(history[-1]) if history else None,
            "history": [_plain(decision) for decision in history],
        }

    def picture(self, question: str, key: str, number: int) -> bytes:
        """A picture beside an answer, as PNG; all of them were drawn by the grader from plain pixels.

        Raises
        ------
        KeyError
            If there is no such picture.
        """
        _, graded = self._find(question, key)
        pictures = [part.picture for part in (*graded.cases, *graded.exhibits) if part.picture]
        if not 0 <= number < len(pictures):
            raise KeyError(f"there is no picture {number} beside this answer.")
        return pictures[number]

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        """Store a decision from the page; gives the answer as it then stands.

        Raises
        ------
        ValueError
            If points are outside their range, differ from the computed ones without a reason, or a field is not what it should be.
        """
        question = self._questions[one_of(request.get("question"), self._questions, "question")]
        student, graded = self._find(question.name, request.get("key"))
        kind = one_of(request.get("kind"), get_args(Kind), "kind of decision")
        reason = untrusted.text(request.get("reason"), MAX_COMMENT).strip()
        criteria, points = (), 0.0
        if isinstance(question, Written):
            limits = [criterion.points for criterion in question.criteria]
            given = request.get("criteria")
            if not isinstance(given, list) or len(given) != len(limits):
                raise ValueError(f"the rubric of {question.name} has {len(limits)} lines.")
            criteria = tuple(_points(value, most) for value, most in zip(given, limits, strict=True))
            points = sum(criteria)
        elif kind == "marked":
            points = _points(request.get("points"), question.points)
            if points != _computed(graded) and not reason:
                raise ValueError("points that differ from the computed ones need a reason.")
        said = request.get("comments")
        comments = (
            [untrusted.text(text, MAX_COMMENT).strip() for text in said] if isinstance(said, list) else []
        )
        decision = Decision(
            student,
            question.name,
            kind,
            points,
            criteria,
            tuple(dict.fromkeys(filter(None, comments[:MAX_COMMENTS]))),
            reason,
            request.get("second_look") is True,
            self.marker,
            untrusted.line(request.get("digest"), 100),
            seen=request.get("seen") if type(request.get("seen")) is int else 0,
        )
        self.gradebook.decide(self.assignment.name, decision)
        return self.answer(question.name, request["key"]) | {"comments": self._bank(question)}

    def news(self, after: int) -> dict[str, Any]:
        """What has been decided since the decision with the number `after`, by whomever."""
        fresh = {
            (one.student, one.question)
            for one in self.gradebook.decisions(self.assignment.name, after=after)
            if one.question in self._questions
        }
        latest, changes = self._latest(), []
        for student, question in sorted(fresh):
            key = self._key(student)
            changes.append({"question": question} | self._state(student, self._find(question, key)[1]))
        banks = {name: self._bank(self._questions[name]) for name in {question for _, question in fresh}}
        return {"latest": latest, "changes": changes, "comments": banks}

    def _described(self, question: Question | Written) -> dict[str, Any]:
        written = isinstance(question, Written)
        criteria = [asdict(criterion) for criterion in question.criteria] if written else []
        named = {"name": question.name, "title": question.title, "points": question.points}
        return named | {
            "written": written,
            "criteria": criteria,
            "comments": self._bank(question),
            "asked": self._asked(question.name) if written else "",
            "solution": self.assignment.answer_cell(question.name).solution,
        }

    def _asked(self, name: str) -> str:
        """The text above the answer's cell in the source."""
        above = ""
        for cell in self.assignment.texts:
            if cell.grade_id == name:
                break
            above = cell.source
        return above

    def _bank(self, question: Question | Written) -> list[str]:
        """The comments for a question: those of the key, and all that were given, the most frequent first."""
        given = Counter(
            comment
            for decision in self.gradebook.decisions(self.assignment.name)
            if decision.question == question.name
            for comment in decision.comments
        )
        for comment in getattr(question, "comments", ()):
            given.setdefault(comment, 0)
        return [comment for comment, _ in given.most_common()]

    def _state(self, student: str, graded: QuestionResult) -> dict[str, Any]:
        marker = graded.decision.marker if graded.decision else ""
        return {
            "key": self._key(student),
            "state": graded.status,
            "points": graded.points,
            "marker": untrusted.visible(marker),
        }

    def _find(self, question: str, key: Any) -> tuple[str, QuestionResult]:
        one_of(question, self._questions, "question")
        for student in self.gradebook.students(self.assignment.name):
            if self._key(student) == key:
                result = self.gradebook.result(self.assignment.name, student)
                graded = next((one for one in result.questions if one.question == question), None)
                if graded is not None:
                    return student, graded
        raise KeyError("there is no such answer; was the class graded again?")

    def _decisions(self, student: str) -> list[Decision]:
        return self.gradebook.decisions(self.assignment.name, student=student)

    def _latest(self) -> int:
        return max((one.number for one in self.gradebook.decisions(self.assignment.name)), default=0)

    def _key(self, student: str) -> str:
        return self._hash("answer", student)[:16]

    def _hash(self, *parts: str) -> str:
        return hmac.digest(self._secret, "\0".join(parts).encode("utf-8", "replace"), "sha256").hex()


def _computed(graded: QuestionResult) -> float:
    return sum(case.points for case in graded.cases)


def _plain(decision: Decision) -> dict[str, Any]:
    """A decision for the page, without whom it is about."""
    plain = asdict(decision)
    del plain["student"]
    return plain | {name: untrusted.visible(plain[name]) for name in ("marker", "unseen")}


def _points(value: Any, most: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not 0 <= value <= most:
        raise ValueError(f"points here lie between 0 and {most:g}, not {untrusted.line(str(value), 40)}.")
    return float(value)
