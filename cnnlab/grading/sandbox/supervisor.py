"""The guard of one submission: it starts the student's process behind the walls, holds the limits, passes bytes on, ends everything.

It runs no student code and reads none of what comes out; it counts bytes, seconds, memory and processes. It ends with the
connection to the grader: closing that ends everything below.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import socket
import tempfile
import time
from typing import Any

import numpy as np

from cnnlab.grading.running import confinement, kernel, namespaces, student, watching
from cnnlab.grading.running.frames import START, FrameError, decode, encode, lengths

LOOK = 0.05  # seconds between two looks at what the processes take
MOST_TEXT = 20_000


class Over(Exception):
    """The student's process ended or was ended; the reason is one of time, processor, memory, processes, output, files, answer, exit."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def receive(connection: socket.socket) -> Any:
    """The next frame of the grader, None when there is none any more."""
    start = _exactly(connection, START.size)
    return None if start is None else decode(start + (_exactly(connection, sum(lengths(start))) or b""))


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        part = connection.recv(min(size, 2**20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def guard(connection: socket.socket, walls: confinement.Walls, readable: list[str], base: str | None) -> None:
    """Serve one submission from its job to its end."""
    if kernel.LINUX:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    job = receive(connection)
    scratch = namespaces.SCRATCH if walls.processes else tempfile.mkdtemp(prefix="scratch-", dir=base)
    try:
        _Guard(connection, walls, readable, scratch, job).serve()
    except Exception as error:  # the grader's to know, if it is still there
        with contextlib.suppress(OSError):
            connection.sendall(encode({"event": "broken", "detail": f"{type(error).__name__}: {error}"}))
    finally:
        watching.end(os.getpid())
        if not walls.processes:
            shutil.rmtree(scratch, ignore_errors=True)


class _Guard:
    """What is known of the student's process, and the loop that reads its pipes."""

    def __init__(self, connection: socket.socket, walls: Any, readable: list[str], scratch: str, job: dict):
        self.connection, self.walls, self.scratch, self.limits = connection, walls, scratch, job["limits"]
        if walls.processes:
            namespaces.leave_processes()
        commands, self.commands = os.pipe()
        self.replies, replies = os.pipe()
        self.output, output = os.pipe()
        self.student = os.fork()
        if not self.student:
            connection.close()
            for mine in (self.commands, self.replies, self.output):
                os.close(mine)
            _become_student(commands, replies, output, walls, readable, scratch, job)
        for theirs in (commands, replies, output):
            os.close(theirs)
        for mine in (self.replies, self.output, self.commands):
            os.set_blocking(mine, False)
        self.buffer, self.text, self.printed, self.passed_on = bytearray(), bytearray(), 0, 0
        self.running, self.since, self.spent_before, self.most_memory = True, time.monotonic(), 0.0, 0
        self.bounds = {"seconds": self.limits["seconds"], "cpu": self.limits["cpu"]}
        self.looked, self.asked = 0.0, None

    def serve(self) -> None:
        with selectors.DefaultSelector() as waiting:
            for place in (self.connection, self.replies, self.output):
                waiting.register(place, selectors.EVENT_READ)
            try:
                while True:
                    for key, _ in waiting.select(LOOK):
                        if key.fileobj is self.connection:
                            if not self._command():
                                return
                        elif not self._read(key.fileobj):
                            waiting.unregister(key.fileobj)
                            if key.fileobj == self.replies:
                                raise self._how_it_ended()
                    self._look()
            except Over as over:
                watching.end(os.getpid())
                self._drain()
                self._tell("ended", reason=over.reason, detail=over.detail)

    def _command(self) -> bool:
        """Pass a question on, and start the clock; False when the grader has closed the connection."""
        asked = receive(self.connection)
        if asked is None:
            return False
        self.bounds, self.asked = (
            {"seconds": asked["seconds"], "cpu": asked["cpu"]},
            asked["question"]["number"],
        )
        self.since, self.running, self.passed_on = time.monotonic(), True, 0
        self.spent_before = watching.usage(os.getpid()).seconds
        rest = memoryview(encode(asked["question"]))
        until = time.monotonic() + asked["seconds"]
        while rest:  # the student's process may not be reading
            try:
                rest = rest[os.write(self.commands, rest) :]
            except BlockingIOError:
                time.sleep(0.001)
                if time.monotonic() > until:
                    raise Over("time", "it did not take the question") from None
            except BrokenPipeError:
                raise self._how_it_ended() from None
        return True

    def _read(self, place: int) -> bool:
        try:
            part = os.read(place, 2**18)
        except BlockingIOError:  # it was drained since it was said to be ready
            return True
        if place == self.output:
            self._keep(part)
            if self.printed > self.limits["output_bytes"]:
                raise Over("output", f"it printed more than {self.limits['output_bytes']} bytes")
        else:
            self.buffer += part
            self.passed_on += len(part)
            if self.passed_on > self.limits["answer_bytes"]:
                raise Over("answer", f"it handed in more than {self.limits['answer_bytes']} bytes")
            self._pass_on()
        return bool(part)

    def _pass_on(self) -> None:
        """Whole messages go to the grader as they are; one that says that something is done stops the clock."""
        while len(self.buffer) > START.size:
            try:
                size = 1 + START.size + sum(lengths(bytes(self.buffer[1 : 1 + START.size])))
            except FrameError as error:
                raise Over("answer", str(error)) from None
            if len(self.buffer) < size:
                return
            letter, frame = chr(self.buffer[0]), bytes(self.buffer[1:size])
            del self.buffer[:size]
            if self.running and self._is_done(letter, frame):
                self.running = False
                self._drain()
                self._end_what_lingers()
            self._tell("reply", letter=letter, frame=np.frombuffer(frame, np.uint8))

    def _is_done(self, letter: str, frame: bytes) -> bool:
        """Whether the message ends the step that the clock runs for, and not another one: student code may write messages of its own."""
        if letter == "r":
            return self.asked is None
        if letter != "o" or len(frame) > 200:
            return False
        try:
            said = decode(frame)
        except FrameError:
            return False
        return isinstance(said, list) and len(said) == 2 and type(said[0]) is int and said[0] == self.asked

    def _look(self) -> None:
        now = time.monotonic()
        if now - self.looked < LOOK:
            return
        self.looked = now
        taken = watching.usage(os.getpid())
        self.most_memory = max(self.most_memory, taken.memory)
        if taken.memory > self.limits["memory_bytes"]:
            raise Over("memory", f"it held more than {self.limits['memory_bytes'] >> 20} MiB")
        if taken.processes > self.limits["processes"]:
            raise Over("processes", f"it started more than {self.limits['processes']} processes")
        if not self.walls.processes and _size(self.scratch) > self.limits["scratch_bytes"]:
            raise Over("files", f"it wrote more than {self.limits['scratch_bytes'] >> 20} MiB")
        if self.running and now - self.since > self.bounds["seconds"]:
            raise Over("time", f"it took more than {self.bounds['seconds']:g} s")
        if self.running and taken.seconds - self.spent_before > self.bounds["cpu"]:
            raise Over("processor", f"it took more than {self.bounds['cpu']:g} s of the processor")

    def _end_what_lingers(self) -> None:
        """What a question has left running is not to share the next one's time."""
        for child in watching.below(os.getpid()):
            if child != self.student:
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)

    def _how_it_ended(self) -> Over:
        with contextlib.suppress(ChildProcessError):
            code = os.waitstatus_to_exitcode(os.waitpid(self.student, 0)[1])
            if code < 0:
                return Over("exit", f"it was ended by {signal.Signals(-code).name}")
            if code:
                return Over("exit", f"it left with exit code {code}")
        return Over("exit", "it left")

    def _drain(self) -> None:
        """What was printed before now."""
        until = time.monotonic() + 1
        with contextlib.suppress(BlockingIOError, OSError):
            while time.monotonic() < until and (part := os.read(self.output, 2**18)):
                self._keep(part)

    def _keep(self, part: bytes) -> None:
        self.text += part[: max(0, MOST_TEXT - len(self.text))]
        self.printed += len(part)

    def _tell(self, event: str, **more: Any) -> None:
        text, self.text = self.text.decode("utf-8", "replace"), bytearray()
        told = {"event": event, "text": text, "printed": self.printed, "memory": self.most_memory, **more}
        self.connection.sendall(encode(told))


def _become_student(
    commands: int, replies: int, output: int, walls: Any, readable: list[str], scratch: str, job: dict
) -> None:
    """Go behind the walls and live as the student's process; never comes back."""
    with contextlib.suppress(BaseException):
        nothing = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2), (commands, 3), (replies, 4)):
            os.dup2(source, target + 100)
        for target in range(5):
            os.dup2(target + 100, target)
        os.closerange(5, 4096)
        try:
            os.environ |= {
                "HOME": scratch,
                "TMPDIR": scratch,
                "CNNLAB_CACHE": f"{scratch}/cache",
                "PWD": scratch,
            }
            tempfile.tempdir = scratch
            os.setsid()
            confinement.shut_in(walls, job["limits"], scratch, readable)
        except BaseException as error:  # then no student code runs
            student.say(4, "x", f"{type(error).__name__}: {error}")
            os._exit(1)
        with os.fdopen(3, "rb") as asked:
            student.live(asked, 4, job)
    os._exit(0)


def _size(folder: str) -> int:
    size = 0
    for above, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(above, name)).st_size
    return size
