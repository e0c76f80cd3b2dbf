"""Protocol between grader and supervisor: the cells of a submission, its questions, and the values that come back.

A cell that never ends, or ends its process, costs its own question only: the submission is run again without it. A question that
does so is noted, and the others are asked in a new process. No incoming data are trusted: a malformed message is ignored.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from cnnlab.grading import untrusted
from cnnlab.grading.limits import Limits
from cnnlab.grading.sandbox.wire_format import HEAD, FrameError, decode, encode, lengths
from cnnlab.grading.untrusted import InvalidSubmission

END_REASONS = ("time", "processor", "memory", "processes", "output", "files", "answer", "exit", "lost")
LOST = "its guard was lost, twice"
GRACE_SECONDS = 20  # seconds beyond a limit before a supervisor counts as lost


class RunnerError(RuntimeError):
    """A failure of the runner itself, not of a submission."""


class GuardLost(RunnerError):
    """The guard of a submission has ended or is silent; `cell` or `request` is what was running."""

    cell: int | None = None
    request: ProbeRequest | None = None

    def note_in(self, result: RunResult, waiting: list[ProbeRequest]) -> bool:
        """Say in the result that this cell or question is not tried again; False if nothing of the submission was running."""
        if self.request:
            waiting.remove(self.request)
            result.results[self.request.question] = ProbeResult(
                end_reason="lost", detail=LOST, state_lost=True
            )
        elif self.cell is not None:
            result.cell_errors[self.cell] = {"type": "lost", "message": LOST}
        return bool(self.request) or self.cell is not None


@dataclass(frozen=True)
class RunnableCell:
    """A cell to run: its name in tracebacks, the question that it answers (None for set-up), its code."""

    name: str
    question: str | None
    source: str


@dataclass(frozen=True)
class ProbeRequest:
    """Request for a question: the function or variable, the arguments of each case, and dotted names whose use is to be told."""

    question: str
    name: str
    variable: bool
    cases: list[dict[str, Any]]
    limits: Limits
    seed: int = 0
    watched: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProbeResult:
    """Result of one question.

    `values` holds the value of each case; `errors` the error of each case that raised one; `end_reason` says why the process ended
    early ("" if it did not), `state_lost` that the state after the cells was lost with it; `missing` that there is no such
    name; `used` which libraries and watched functions have run, for a human to judge.
    """

    values: dict[int, Any] = field(default_factory=dict)
    errors: dict[int, dict[str, str]] = field(default_factory=dict)
    side_effects: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    end_reason: str = ""
    detail: str = ""
    state_lost: bool = False
    missing: bool = False
    text: str = ""
    printed: int = 0


OUT_OF_TIME = ProbeResult(end_reason="time", detail="the time for the whole notebook was used up before")


@dataclass
class RunResult:
    """Result of one submission: a result for each question, the error of each cell that failed, what each used, what the cells printed."""

    results: dict[str, ProbeResult] = field(default_factory=dict)
    cell_errors: dict[int, dict[str, str]] = field(default_factory=dict)
    used: dict[int, list[str]] = field(default_factory=dict)
    text: str = ""
    printed: int = 0
    starts: int = 0


def run_once(
    supervisor: socket.socket,
    cells: list[RunnableCell],
    waiting: list[ProbeRequest],
    limits: Limits,
    skip: set[int],
    result: RunResult,
    deadline: float,
) -> int | None:
    """Run one worker process: removes the answered questions from `waiting`, and returns the number of the cell that ended the process.

    Where the cells have left threads, which a fork would not have, that is one question.

    Raises
    ------
    GuardLost
        If the supervisor is lost; what is left is in `waiting`.
    RunnerError
        If the sandbox could not be built.
    """
    with supervisor:
        left = deadline - time.monotonic()
        if left < 1:
            while waiting:
                result.results[waiting.pop(0).question] = OUT_OF_TIME
            return None
        record = any(request.variable for request in waiting)  # a variable gets its value in the cells
        limits = replace(limits, seconds=min(limits.seconds, left))
        failed_cell, has_threads = _run_cells(supervisor, cells, limits, skip, result, record=record)
        while waiting and failed_cell is None:
            request, left = waiting[0], deadline - time.monotonic()
            probe_result = OUT_OF_TIME
            if left > 0:
                limits = replace(request.limits, seconds=min(request.limits.seconds, left))
                last, number = has_threads or len(waiting) == 1, len(result.results)
                try:
                    probe_result = _send_probe(supervisor, replace(request, limits=limits), number, last=last)
                except GuardLost as lost:
                    lost.request = request
                    raise
            result.results[waiting.pop(0).question] = probe_result
            if probe_result.state_lost or has_threads:
                break
        return failed_cell


def _run_cells(
    supervisor: socket.socket,
    cells: list[RunnableCell],
    limits: Limits,
    skip: set[int],
    result: RunResult,
    *,
    record: bool,
) -> tuple[int | None, bool]:
    """Run the cells, up to the one that ends the process, whose number is returned; and whether they have left threads."""
    current, ended = None, True
    events = _SupervisorEvents(supervisor, limits.seconds)
    job = {"cells": [{"name": cell.name, "source": cell.source} for cell in cells], "record": record}
    try:
        _send(supervisor, job | {"skip": sorted(skip), "limits": limits.as_dict()})
        for letter, value, event in events:
            if letter == "c" and _may_begin(value, current, len(cells), skip):
                current, ended = value, False
            elif letter == "e" and isinstance(value, dict):
                ended = True
                result.used[current or 0] = untrusted.remarks(value.get("used"))
                # After a probe the cells may know hidden inputs, from a file that it has written.
                if isinstance(value.get("error"), dict) and not result.results:
                    result.cell_errors[current or 0] = untrusted.error_fields(value["error"])
            elif letter == "r" and ended:  # while a cell is running, only that cell could send it
                break
            elif letter == "x" and current is None:  # later, only student code could send it
                raise RunnerError(f"the sandbox could not be built: {value}")
            elif letter == "ended":
                if current is None:
                    raise RunnerError(
                        f"the submission ended before its first cell: {event['reason']} {event['detail']}"
                    )
                result.cell_errors[current] = {"type": event["reason"], "message": event["detail"]}
                break
    except GuardLost as lost:
        lost.cell = current
        raise
    if not result.results:  # later, the cells may print hidden inputs, as above
        result.text, result.printed = events.text, events.printed
    return (current, False) if letter == "ended" else (None, value is True)


def _send(supervisor: socket.socket, value: Any) -> None:
    try:
        supervisor.sendall(encode(value))
    except OSError as error:
        raise GuardLost(f"a supervisor was lost: {error}") from None


def _may_begin(value: Any, current: int | None, cells: int, skip: set[int]) -> bool:
    """Whether a cell may begin now: it exists, is not skipped, and comes after the running one."""
    after = -1 if current is None else current
    return type(value) is int and after < value < cells and value not in skip


def _send_probe(supervisor: socket.socket, request: ProbeRequest, number: int, *, last: bool) -> ProbeResult:
    question = {
        "number": number,
        "last": last,
        "name": request.name,
        "variable": request.variable,
        "cases": request.cases,
        "seed": request.seed,
        "answer_bytes": request.limits.answer_bytes,
        "watched": list(request.watched),
    }
    result, events = ProbeResult(), _SupervisorEvents(supervisor, request.limits.seconds)
    with suppress(GuardLost):  # if the supervisor has ended, its last message says why
        _send(
            supervisor, {"question": question, "seconds": request.limits.seconds, "cpu": request.limits.cpu}
        )
    for letter, value, event in events:
        if letter == "v" and isinstance(value, dict) and _is_index(value.get("question"), number):
            result = _add(result, value, len(request.cases))
        elif letter == "o" and isinstance(value, list) and len(value) == 2 and _is_index(value[0], number):
            result = _complete(result, value[1], len(request.cases))
            break
        elif letter == "ended":
            result = replace(result, end_reason=event["reason"], detail=event["detail"], state_lost=True)
            break
    return replace(result, text=events.text, printed=events.printed)


def _is_index(value: Any, number: int) -> bool:
    """Whether an untrusted value is this number; an array would compare elementwise."""
    return type(value) is int and value == number


def _complete(result: ProbeResult, status: object, cases: int) -> ProbeResult:
    """The result, with the reason why its process ended if cases are open. The state after the cells is intact, the next may be asked."""
    if result.missing or len(result.values) + len(result.errors) >= cases:
        return result
    valid = type(status) is int and (os.WIFEXITED(status & 0xFFFF) or os.WIFSIGNALED(status & 0xFFFF))
    code = os.waitstatus_to_exitcode(status & 0xFFFF) if valid else 0
    return replace(
        result,
        end_reason="exit",
        detail=f"by signal {-code}" if code < 0 else f"it left with exit code {code}",
    )


def _add(result: ProbeResult, reply: dict[str, Any], cases: int) -> ProbeResult:
    """The result with one more reply; a malformed reply is ignored."""
    if "missing" in reply:
        return replace(result, missing=True)
    case = reply.get("case")
    if type(case) is not int or not 0 <= case < cases or case in result.values or case in result.errors:
        return result
    if isinstance(reply.get("error"), dict):
        return replace(result, errors=result.errors | {case: untrusted.error_fields(reply["error"])})
    if "value" not in reply:
        return result
    new = untrusted.remarks(reply.get("remarks"))
    return replace(
        result,
        values=result.values | {case: reply["value"]},
        side_effects=tuple(dict.fromkeys([*result.side_effects, *new]))[:10],
        used=tuple(dict.fromkeys([*result.used, *untrusted.remarks(reply.get("used"))]))[:10],
    )


class _SupervisorEvents:
    """The supervisor's messages up to the end of a step: letter, value, and other messages; too long a silence raises `GuardLost`."""

    def __init__(self, supervisor: socket.socket, seconds: float):
        self.supervisor, self.text, self.printed = supervisor, "", 0
        supervisor.settimeout(seconds + GRACE_SECONDS)

    def __iter__(self):
        while True:
            event = self._receive()
            if event["event"] == "broken":
                raise GuardLost(f"a supervisor has failed: {event['detail']}")
            self.text = (self.text + untrusted.text(event["text"], 40_000))[:40_000]
            self.printed = event["printed"]
            if event["event"] == "ended":
                yield "ended", None, event
                return
            try:
                value = untrusted.value(event["frame"].tobytes())
            except InvalidSubmission as error:
                yield "ended", None, event | {"reason": "answer", "detail": error.reason}
                return
            yield event["letter"], value, event

    def _receive(self) -> dict[str, Any]:
        try:
            start = self._exactly(HEAD.size)
            return decode(start + self._exactly(sum(lengths(start, 2**40))), 2**40)
        except (OSError, FrameError) as error:
            raise GuardLost(f"a supervisor was lost: {error}") from None

    def _exactly(self, size: int) -> bytes:
        whole = bytearray()
        while len(whole) < size:
            part = self.supervisor.recv(min(size - len(whole), 2**20))
            if not part:
                raise OSError("it has closed its connection")
            whole += part
        return bytes(whole)
