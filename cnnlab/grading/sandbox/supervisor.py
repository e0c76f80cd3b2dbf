"""Supervisor of one submission: it starts the worker in the sandbox, enforces the limits, forwards bytes, and ends all processes.

It runs no student code and does not decode its output; it counts bytes and seconds, and sees to memory, tasks and processor time by the
kernel's control group, or else by looking at the tree of processes. It never waits for anybody: neither
for the worker to read or to end, nor for the grader to read. It ends with the connection to the grader: closing that ends everything
below.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import tempfile
import time
from typing import Any

import numpy as np
import psutil

from cnnlab.grading.sandbox import confinement, control_group, namespaces, process_tree, syscalls, worker
from cnnlab.grading.sandbox.wire_format import HEAD, FrameError, decode, encode, lengths

MAX_TEXT = 20_000
MAX_MESSAGES = 10_000  # of the worker in one step
CHUNK = 2**18


class LimitExceeded(Exception):
    """The worker ended or was ended; the reason is one of time, processor, memory, processes, output, files, answer, exit."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class _Outbox:
    """Bytes on their way to somebody who may not read: written as far as it goes, the rest later."""

    def __init__(self, descriptor: int):
        os.set_blocking(descriptor, False)
        self.descriptor, self.rest = descriptor, bytearray()

    def write(self, data: bytes = b"") -> None:
        """Write `data` behind what is left; a BrokenPipeError or ConnectionError if nobody can read any more."""
        self.rest += data
        with contextlib.suppress(BlockingIOError):
            while self.rest:
                del self.rest[: os.write(self.descriptor, self.rest[:CHUNK])]


def supervise(
    connection: socket.socket,
    sandbox: confinement.Confinement,
    readable: list[str],
    base: str,
    group: control_group.Parent | None,
) -> None:
    """Serve one submission from its job to its end; in a control group of its own, inside `group`, if there is one."""
    if syscalls.LINUX:
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    job = _receive(connection)
    if job is None:
        return
    boxed = sandbox.tier in confinement.BOXES
    scratch = namespaces.SCRATCH if boxed else tempfile.mkdtemp(prefix="scratch-", dir=base)
    watch = None
    try:
        limits = job["limits"]
        watch = control_group.ControlGroup(group, limits) if group else process_tree.ProcessTree(limits)
        if sandbox.another_user and not boxed:
            os.chown(scratch, namespaces.STUDENT, namespaces.STUDENT)
        _Supervisor(connection, sandbox, readable, scratch, job, watch).serve()
    except Exception as error:  # reported to the grader, if it is still there
        with contextlib.suppress(OSError):
            connection.setblocking(True)
            connection.sendall(encode({"event": "broken", "detail": f"{type(error).__name__}: {error}"}))
    finally:
        process_tree.kill_tree(os.getpid())
        if watch:
            watch.remove()
        if not boxed:
            shutil.rmtree(scratch, ignore_errors=True)


def _receive(connection: socket.socket) -> Any:
    """The grader's first frame, before there is anything to guard; None if it has gone."""
    with connection.makefile("rb") as incoming:
        start = incoming.read(HEAD.size)
        return decode(start + incoming.read(sum(lengths(start)))) if len(start) == HEAD.size else None


class _Supervisor:
    """State of the worker, and the loop that reads its pipes."""

    def __init__(
        self,
        connection: socket.socket,
        sandbox: Any,
        readable: list[str],
        scratch: str,
        job: dict,
        watch: control_group.ControlGroup | process_tree.ProcessTree,
    ):
        self.connection, self.sandbox, self.scratch, self.limits = connection, sandbox, scratch, job["limits"]
        self.watch = watch
        if sandbox.tier == "namespaces":
            namespaces.unshare_box()
        commands, to_worker = os.pipe()
        self.replies, replies = os.pipe()
        self.output, output = os.pipe()
        self.worker = os.fork()
        if not self.worker:
            connection.close()
            for mine in (to_worker, self.replies, self.output):
                os.close(mine)
            worker.become(commands, replies, output, sandbox, readable, scratch, job, watch)
        for theirs in (commands, replies, output):
            os.close(theirs)
        for mine in (self.replies, self.output):
            os.set_blocking(mine, False)
        self.to_worker, self.to_grader = _Outbox(to_worker), _Outbox(connection.fileno())
        self.readers = [connection.fileno(), self.replies, self.output]
        self.orders, self.buffer, self.text = bytearray(), bytearray(), bytearray()
        self.printed = self.forwarded = self.messages = 0
        self.running, self.started, self.spent_before = True, time.monotonic(), 0.0
        self.bounds = {"seconds": self.limits["seconds"], "cpu": self.limits["cpu"]}
        self.looked, self.current_probe = time.monotonic(), None

    def serve(self) -> None:
        try:
            while True:
                outboxes = [box for box in (self.to_worker, self.to_grader) if box.rest]
                writers = [box.descriptor for box in outboxes]
                ready, writable, _ = select.select(
                    self.readers, writers, [], max(0.0, self._next_look() - time.monotonic())
                )
                for box in outboxes:
                    if box.descriptor in writable:
                        self._write(box)
                for source in ready:
                    if not self._read(source):
                        if source == self.connection.fileno():
                            return
                        self.readers.remove(source)
                        if source == self.replies:
                            raise self._exit_reason()
                if time.monotonic() >= self._next_look():
                    self._check_limits()
        except LimitExceeded as exceeded:
            process_tree.kill_tree(os.getpid())
            self._drain()
            self._send_event("ended", reason=exceeded.reason, detail=exceeded.detail)
            self.connection.setblocking(True)  # nothing is left to guard
            self.connection.sendall(self.to_grader.rest)

    def _write(self, box: _Outbox, data: bytes = b"") -> None:
        try:
            box.write(data)
        except BrokenPipeError:
            if box is self.to_grader:
                raise
            raise self._exit_reason() from None

    def _read(self, source: int) -> bool:
        """Read what is there; False at the end."""
        try:
            chunk = os.read(source, CHUNK)
        except BlockingIOError:  # it was drained since it was reported ready
            return True
        except ConnectionError:
            return False
        if source == self.connection.fileno():
            self.orders += chunk
            self._command()
        elif source == self.output:
            self._collect_output(chunk)
            if self.printed > self.limits["output_bytes"]:
                raise LimitExceeded("output", f"it printed more than {self.limits['output_bytes']} bytes")
        else:
            self.buffer += chunk
            self.forwarded += len(chunk)
            if self.forwarded > self.limits["answer_bytes"]:
                raise LimitExceeded("answer", f"it handed in more than {self.limits['answer_bytes']} bytes")
            self._forward()
        return bool(chunk)

    def _command(self) -> None:
        """Forward a question that has arrived, and start the clock."""
        if len(self.orders) < HEAD.size:
            return
        size = HEAD.size + sum(lengths(bytes(self.orders[: HEAD.size])))
        if len(self.orders) < size:
            return
        request = decode(bytes(self.orders[:size]))
        del self.orders[:size]
        self.bounds = {"seconds": request["seconds"], "cpu": request["cpu"]}
        self.current_probe = request["question"]["number"]
        self.started, self.running, self.forwarded, self.messages = time.monotonic(), True, 0, 0
        self.spent_before = self.watch.look()[1]
        self._write(self.to_worker, encode(request["question"]))

    def _forward(self) -> None:
        """Forward whole messages to the grader unread; a message that ends a step stops the clock."""
        while len(self.buffer) > HEAD.size:
            try:
                size = 1 + HEAD.size + sum(lengths(bytes(self.buffer[1 : 1 + HEAD.size])))
            except FrameError as error:
                raise LimitExceeded("answer", str(error)) from None
            if len(self.buffer) < size:
                return
            letter, frame = chr(self.buffer[0]), bytes(self.buffer[1:size])
            del self.buffer[:size]
            self.messages += 1
            if self.messages > MAX_MESSAGES:
                raise LimitExceeded("answer", f"it handed in more than {MAX_MESSAGES} messages")
            if self.running and self._is_done(letter, frame):
                self.running = False
                self._drain()
                self._check_limits()
                if (
                    process_tree.threads(self.worker) == 1
                ):  # else it answers only one question, and may need a pool of processes
                    self._kill_leftovers()
            self._send_event("reply", letter=letter, frame=np.frombuffer(frame, np.uint8))

    def _is_done(self, letter: str, frame: bytes) -> bool:
        """Whether the message ends the step of the running clock, and not another one: student code may write messages itself."""
        if letter == "r":
            return self.current_probe is None
        if letter != "o" or len(frame) > 200:
            return False
        try:
            message = decode(frame)
        except FrameError:
            return False
        return (
            isinstance(message, list)
            and len(message) == 2
            and type(message[0]) is int
            and message[0] == self.current_probe
        )

    def _next_look(self) -> float:
        at = self.looked + self.watch.pause
        return min(at, self.started + self.bounds["seconds"]) if self.running else at

    def _check_limits(self) -> None:
        now = self.looked = time.monotonic()
        exceeded, spent = self.watch.look()
        if exceeded == "memory":
            raise LimitExceeded("memory", f"it held more than {self.limits['memory_bytes'] >> 20} MiB")
        if exceeded == "processes":
            most = self.limits["processes"]
            raise LimitExceeded("processes", f"it started more than {most} processes and threads")
        boxed = self.sandbox.tier in confinement.BOXES
        if not boxed and _size(self.scratch) > self.limits["scratch_bytes"]:
            raise LimitExceeded("files", f"it wrote more than {self.limits['scratch_bytes'] >> 20} MiB")
        if self.running and now - self.started >= self.bounds["seconds"]:
            raise LimitExceeded("time", f"it took more than {self.bounds['seconds']:g} s")
        if self.running and spent - self.spent_before > self.bounds["cpu"]:
            raise LimitExceeded("processor", f"it took more than {self.bounds['cpu']:g} s of the processor")

    def _kill_leftovers(self) -> None:
        """End processes that a question has left running, so that they take no time from the next one."""
        for child in process_tree.descendants(os.getpid()):
            if child != self.worker:
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)

    def _exit_reason(self) -> LimitExceeded:
        """Why no more replies will come. A worker that goes on after it has closed its pipe is not waited for."""
        self._check_limits()
        with contextlib.suppress(psutil.TimeoutExpired):  # between the end of its pipe and its own
            return LimitExceeded("exit", _in_words(psutil.Process(self.worker).wait(0.2)))
        return LimitExceeded("answer", "it closed the pipe on which answers are handed in")

    def _drain(self) -> None:
        """Read the output printed so far."""
        deadline = time.monotonic() + 1
        with contextlib.suppress(BlockingIOError, OSError):
            while time.monotonic() < deadline and (part := os.read(self.output, CHUNK)):
                self._collect_output(part)

    def _collect_output(self, part: bytes) -> None:
        self.text += part[: max(0, MAX_TEXT - len(self.text))]
        self.printed += len(part)

    def _send_event(self, event: str, **more: Any) -> None:
        text, self.text = self.text.decode("utf-8", "replace"), bytearray()
        self._write(self.to_grader, encode({"event": event, "text": text, "printed": self.printed, **more}))


def _in_words(code: int) -> str:
    """What the exit code of a process says."""
    if code < 0:
        return f"it was ended by {signal.strsignal(-code) or 'signal'} (signal {-code})"
    return f"it left with exit code {code}" if code else "it left"


def _size(folder: str) -> int:
    size = 0
    for folder_path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(folder_path, name)).st_size
    return size
