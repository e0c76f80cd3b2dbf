"""Supervisor of one submission: it starts the worker in the sandbox, enforces the limits, forwards bytes, and ends all processes.

It runs no student code and does not decode its output; it counts bytes, seconds, memory and processes. It ends with the
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

from cnnlab.grading.sandbox import confinement, namespaces, process_tree, syscalls, worker
from cnnlab.grading.sandbox.wire_format import HEAD, FrameError, decode, encode, lengths

POLL_SECONDS = 0.05  # seconds between two measurements of the worker's usage
MAX_TEXT = 20_000


class LimitExceeded(Exception):
    """The worker ended or was ended; the reason is one of time, processor, memory, processes, output, files, answer, exit."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def receive(connection: socket.socket) -> Any:
    """The next frame from the grader, None at the end of the connection."""
    start = _exactly(connection, HEAD.size)
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


def supervise(
    connection: socket.socket, sandbox: confinement.Confinement, readable: list[str], base: str | None
) -> None:
    """Serve one submission from its job to its end."""
    if syscalls.LINUX:
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    job = receive(connection)
    scratch = namespaces.SCRATCH if sandbox.pid_namespace else tempfile.mkdtemp(prefix="scratch-", dir=base)
    try:
        _Supervisor(connection, sandbox, readable, scratch, job).serve()
    except Exception as error:  # reported to the grader, if it is still there
        with contextlib.suppress(OSError):
            connection.sendall(encode({"event": "broken", "detail": f"{type(error).__name__}: {error}"}))
    finally:
        process_tree.kill_tree(os.getpid())
        if not sandbox.pid_namespace:
            shutil.rmtree(scratch, ignore_errors=True)


class _Supervisor:
    """State of the worker, and the loop that reads its pipes."""

    def __init__(self, connection: socket.socket, sandbox: Any, readable: list[str], scratch: str, job: dict):
        self.connection, self.sandbox, self.scratch, self.limits = connection, sandbox, scratch, job["limits"]
        if sandbox.pid_namespace:
            namespaces.unshare_pid()
        commands, self.commands = os.pipe()
        self.replies, replies = os.pipe()
        self.output, output = os.pipe()
        self.worker = os.fork()
        if not self.worker:
            connection.close()
            for mine in (self.commands, self.replies, self.output):
                os.close(mine)
            _become_worker(commands, replies, output, sandbox, readable, scratch, job)
        for theirs in (commands, replies, output):
            os.close(theirs)
        for mine in (self.replies, self.output, self.commands):
            os.set_blocking(mine, False)
        self.buffer, self.text, self.printed, self.forwarded = bytearray(), bytearray(), 0, 0
        self.running, self.started, self.spent_before = True, time.monotonic(), 0.0
        self.bounds = {"seconds": self.limits["seconds"], "cpu": self.limits["cpu"]}
        self.last_poll, self.current_probe = 0.0, None

    def serve(self) -> None:
        with selectors.DefaultSelector() as waiting:
            for source in (self.connection, self.replies, self.output):
                waiting.register(source, selectors.EVENT_READ)
            try:
                while True:
                    for key, _ in waiting.select(POLL_SECONDS):
                        if key.fileobj is self.connection:
                            if not self._command():
                                return
                        elif not self._read(key.fileobj):
                            waiting.unregister(key.fileobj)
                            if key.fileobj == self.replies:
                                raise self._exit_reason()
                    self._check_limits()
            except LimitExceeded as exceeded:
                process_tree.kill_tree(os.getpid())
                self._drain()
                self._send_event("ended", reason=exceeded.reason, detail=exceeded.detail)

    def _command(self) -> bool:
        """Forward a question and start the clock; False when the grader has closed the connection."""
        request = receive(self.connection)
        if request is None:
            return False
        self.bounds, self.current_probe = (
            {"seconds": request["seconds"], "cpu": request["cpu"]},
            request["question"]["number"],
        )
        self.started, self.running, self.forwarded = time.monotonic(), True, 0
        self.spent_before = process_tree.usage(os.getpid()).seconds
        rest = memoryview(encode(request["question"]))
        deadline = time.monotonic() + request["seconds"]
        while rest:  # the worker may not be reading
            try:
                rest = rest[os.write(self.commands, rest) :]
            except BlockingIOError:
                time.sleep(0.001)
                if time.monotonic() > deadline:
                    raise LimitExceeded("time", "it did not take the question") from None
            except BrokenPipeError:
                raise self._exit_reason() from None
        return True

    def _read(self, source: int) -> bool:
        try:
            chunk = os.read(source, 2**18)
        except BlockingIOError:  # it was drained since it was reported ready
            return True
        if source == self.output:
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
            if self.running and self._is_done(letter, frame):
                self.running = False
                self._drain()
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

    def _check_limits(self) -> None:
        now = time.monotonic()
        if now - self.last_poll < POLL_SECONDS:
            return
        self.last_poll = now
        usage = process_tree.usage(os.getpid())
        if usage.memory > self.limits["memory_bytes"]:
            raise LimitExceeded("memory", f"it held more than {self.limits['memory_bytes'] >> 20} MiB")
        if usage.processes > self.limits["processes"]:
            raise LimitExceeded("processes", f"it started more than {self.limits['processes']} processes")
        if not self.sandbox.pid_namespace and _size(self.scratch) > self.limits["scratch_bytes"]:
            raise LimitExceeded("files", f"it wrote more than {self.limits['scratch_bytes'] >> 20} MiB")
        if self.running and now - self.started > self.bounds["seconds"]:
            raise LimitExceeded("time", f"it took more than {self.bounds['seconds']:g} s")
        if self.running and usage.seconds - self.spent_before > self.bounds["cpu"]:
            raise LimitExceeded("processor", f"it took more than {self.bounds['cpu']:g} s of the processor")

    def _kill_leftovers(self) -> None:
        """End processes that a question has left running, so that they take no time from the next one."""
        for child in process_tree.descendants(os.getpid()):
            if child != self.worker:
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)

    def _exit_reason(self) -> LimitExceeded:
        with contextlib.suppress(ChildProcessError):
            code = os.waitstatus_to_exitcode(os.waitpid(self.worker, 0)[1])
            if code < 0:
                return LimitExceeded("exit", f"it was ended by {signal.Signals(-code).name}")
            if code:
                return LimitExceeded("exit", f"it left with exit code {code}")
        return LimitExceeded("exit", "it left")

    def _drain(self) -> None:
        """Read the output printed so far."""
        deadline = time.monotonic() + 1
        with contextlib.suppress(BlockingIOError, OSError):
            while time.monotonic() < deadline and (part := os.read(self.output, 2**18)):
                self._collect_output(part)

    def _collect_output(self, part: bytes) -> None:
        self.text += part[: max(0, MAX_TEXT - len(self.text))]
        self.printed += len(part)

    def _send_event(self, event: str, **more: Any) -> None:
        text, self.text = self.text.decode("utf-8", "replace"), bytearray()
        self.connection.sendall(encode({"event": event, "text": text, "printed": self.printed, **more}))


def _become_worker(
    commands: int, replies: int, output: int, sandbox: Any, readable: list[str], scratch: str, job: dict
) -> None:
    """Enter the sandbox and become the worker; never returns."""
    with contextlib.suppress(BaseException):
        dev_null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((dev_null, 0), (output, 1), (output, 2), (commands, 3), (replies, 4)):
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
            confinement.confine(sandbox, job["limits"], scratch, readable)
        except BaseException as error:  # then no student code runs
            worker.send(4, "x", f"{type(error).__name__}: {error}")
            os._exit(1)
        with os.fdopen(3, "rb") as commands_file:
            worker.run(commands_file, 4, job)
    os._exit(0)


def _size(folder: str) -> int:
    size = 0
    for folder_path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(folder_path, name)).st_size
    return size
