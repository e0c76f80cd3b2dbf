"""What is said to a guard and what it answers: the cells of a submission, its questions, and the values that come out.

A cell that never ends, or takes its process along, costs its own question only: the submission is run again without it. A question that
does so is noted, and the others are asked in a new process. Nothing that comes in is trusted: a message that does not fit is passed over.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from cnnlab.grading.limits import Limits
from cnnlab.grading.running.frames import START, FrameError, decode, encode, lengths

PATIENCE = 30  # seconds that a guard has beyond a limit before it counts as lost


class RunnerError(RuntimeError):
    """The runner itself has failed; no submission is to blame."""


@dataclass(frozen=True)
class Cell:
    """A cell to run: its name in tracebacks, the question that it answers (None for set-up), its code."""

    name: str
    question: str | None
    source: str


@dataclass(frozen=True)
class Asked:
    """A question to the runner: the function or variable, and what to call it with, case by case."""

    question: str
    name: str
    variable: bool
    cases: list[dict[str, Any]]
    limits: Limits
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """What came out of one question.

    `values` has what each case gave back; `errors` the error of each case that raised one; `ended` says why the process ended before it was
    through ("" if it was not), `over` that the state after the cells went with it; `missing` that there is no such name.
    """

    values: dict[int, Any] = field(default_factory=dict)
    errors: dict[int, dict[str, str]] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    ended: str = ""
    detail: str = ""
    over: bool = False
    missing: bool = False
    text: str = ""
    printed: int = 0


@dataclass
class Outcome:
    """What came out of one submission: an answer for each question, the error of each cell that failed, what the cells printed."""

    answers: dict[str, Answer] = field(default_factory=dict)
    cell_errors: dict[int, dict[str, str]] = field(default_factory=dict)
    text: str = ""
    printed: int = 0
    memory: int = 0
    starts: int = 0


def run_once(
    guard: socket.socket,
    cells: list[Cell],
    waiting: list[Asked],
    limits: Limits,
    skip: set[int],
    outcome: Outcome,
) -> int | None:
    """One process's life: takes from `waiting` what it has answered, and gives the number of the cell that ended it."""
    with guard:
        job = {"cells": [{"name": cell.name, "source": cell.source} for cell in cells]}
        guard.sendall(encode(job | {"skip": sorted(skip), "limits": limits.as_dict()}))
        events = _Events(guard, limits.seconds)
        current = None
        for letter, value, told in events:
            if letter == "c" and _begins(value, current, len(cells), skip):
                current = value
            elif letter == "e" and isinstance(value, dict) and isinstance(value.get("error"), dict):
                outcome.cell_errors[current or 0] = _words(value["error"])
            elif letter == "r":
                break
            elif letter == "x" and current is None:  # later on, it is a student's code that says so
                raise RunnerError(f"the walls could not be built: {value}")
            elif letter == "ended":
                if current is None:
                    raise RunnerError(
                        f"the submission ended before its first cell: {told['reason']} {told['detail']}"
                    )
                outcome.cell_errors[current] = {
                    "type": told["reason"],
                    "message": told["detail"],
                    "traceback": "",
                }
                _note(outcome, events)
                return current
        _note(outcome, events)
        while waiting:
            asked = waiting.pop(0)
            answer = _ask(guard, asked, len(outcome.answers), last=not waiting)
            outcome.answers[asked.question] = answer
            if answer.over:
                break
    return None


def _begins(value: Any, current: int | None, cells: int, skip: set[int]) -> bool:
    """Whether a cell can begin now: one of those there are, that is not passed over, and after the one that runs."""
    after = -1 if current is None else current
    return type(value) is int and after < value < cells and value not in skip


def _note(outcome: Outcome, events: _Events) -> None:
    outcome.text, outcome.printed = events.text, events.printed
    outcome.memory = max(outcome.memory, events.memory)


def _ask(guard: socket.socket, asked: Asked, number: int, *, last: bool) -> Answer:
    question = {
        "number": number,
        "last": last,
        "name": asked.name,
        "variable": asked.variable,
        "cases": asked.cases,
        "seed": asked.seed,
        "answer_bytes": asked.limits.answer_bytes,
    }
    with suppress(OSError):  # if the guard has ended, what it said last tells why
        guard.sendall(
            encode({"question": question, "seconds": asked.limits.seconds, "cpu": asked.limits.cpu})
        )
    answer, events = Answer(), _Events(guard, asked.limits.seconds)
    for letter, value, told in events:
        if letter == "v" and isinstance(value, dict) and _is(value.get("question"), number):
            answer = _add(answer, value, len(asked.cases))
        elif letter == "o" and isinstance(value, list) and len(value) == 2 and _is(value[0], number):
            answer = _complete(answer, value[1], len(asked.cases))
            break
        elif letter == "ended":
            answer = replace(answer, ended=told["reason"], detail=told["detail"], over=True)
            break
    return replace(answer, text=events.text, printed=events.printed)


def _is(value: Any, number: int) -> bool:
    """Whether a value from outside is this number; an array would answer for each of its own."""
    return type(value) is int and value == number


def _complete(answer: Answer, status: object, cases: int) -> Answer:
    """The answer, with a word on how its process ended where cases are open. What the cells left is whole, the next may be asked."""
    if answer.missing or len(answer.values) + len(answer.errors) >= cases:
        return answer
    known = type(status) is int and (os.WIFEXITED(status & 0xFFFF) or os.WIFSIGNALED(status & 0xFFFF))
    code = os.waitstatus_to_exitcode(status & 0xFFFF) if known else 0
    return replace(
        answer, ended="exit", detail=f"by signal {-code}" if code < 0 else f"it left with exit code {code}"
    )


def _add(answer: Answer, reply: dict[str, Any], cases: int) -> Answer:
    """The answer with one reply more; what does not look like a reply is passed over."""
    if "missing" in reply:
        return replace(answer, missing=True)
    case = reply.get("case")
    if type(case) is not int or not 0 <= case < cases or case in answer.values or case in answer.errors:
        return answer
    if isinstance(reply.get("error"), dict):
        return replace(answer, errors=answer.errors | {case: _words(reply["error"])})
    if "value" not in reply:
        return answer
    remarks = reply.get("remarks")
    new = [str(text)[:200] for text in remarks[:5]] if isinstance(remarks, list) else []
    seconds = reply.get("seconds") if isinstance(reply.get("seconds"), float) else 0.0
    return replace(
        answer,
        values=answer.values | {case: reply["value"]},
        seconds=answer.seconds | {case: seconds},
        remarks=tuple(dict.fromkeys([*answer.remarks, *new]))[:10],
    )


def _words(error: dict[str, Any]) -> dict[str, str]:
    return {key: str(error.get(key, ""))[:4000] for key in ("type", "message", "traceback")}


class _Events:
    """What a guard tells, up to the end of a step: letter, value, and what else was told; a guard that is silent too long is lost."""

    def __init__(self, guard: socket.socket, seconds: float):
        self.guard, self.text, self.printed, self.memory = guard, "", 0, 0
        guard.settimeout(seconds + PATIENCE)

    def __iter__(self):
        while True:
            told = self._receive()
            if told["event"] == "broken":
                raise RunnerError(f"a guard has failed: {told['detail']}")
            self.text = (self.text + told["text"])[:40_000]
            self.printed, self.memory = told["printed"], told["memory"]
            if told["event"] == "ended":
                yield "ended", None, told
                return
            try:
                value = decode(told["frame"].tobytes())
            except FrameError as error:
                yield "ended", None, told | {"reason": "answer", "detail": str(error)}
                return
            yield told["letter"], value, told

    def _receive(self) -> dict[str, Any]:
        try:
            start = self._exactly(START.size)
            return decode(start + self._exactly(sum(lengths(start, 2**40))), 2**40)
        except (OSError, FrameError) as error:
            raise RunnerError(f"a guard was lost: {error}") from None

    def _exactly(self, size: int) -> bytes:
        whole = bytearray()
        while len(whole) < size:
            part = self.guard.recv(min(size - len(whole), 2**20))
            if not part:
                raise OSError("it has closed its connection")
            whole += part
        return bytes(whole)
