"""The grader's side of the runner: it starts the fork server, again if it is lost, and sends it submissions.

The answer key is never sent. The exchange for a submission is in `cnnlab.grading.runner_protocol`.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from cnnlab.grading.limits import Limits
from cnnlab.grading.runner_protocol import (
    GuardLost,
    ProbeRequest,
    RunnableCell,
    RunnerError,
    RunResult,
    run_once,
)
from cnnlab.grading.sandbox import bubblewrap, control_group, readable_paths
from cnnlab.grading.sandbox.confinement import TIERS, WITHOUT_WALLS, Confinement

START_SECONDS = 180
PREFIX = "cnnlab-grading-"


class Runner:
    """Fork servers in the first sandbox tier of `tiers` that works on this machine: one for all submissions, or one each in bubblewrap.

    Parameters
    ----------
    tiers
        The acceptable tiers, of `cnnlab.grading.sandbox.confinement.TIERS`.
    hidden
        Files and folders that must stay hidden, with the folders around them, even inside the Python environment.
    data
        Folders with course data that answers may read.
    draws
        Whether answers render pictures of the world: its caches are then filled before the first submission.

    Raises
    ------
    RunnerError
        If no tier works, or the imports fail; the message gives the reason.
    """

    def __init__(
        self,
        tiers: Iterable[str],
        *,
        hidden: Iterable[Path] = (),
        data: Iterable[Path] = (),
        draws: bool = False,
    ) -> None:
        _remove_what_is_stale()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self._lock = threading.Lock()
        hidden = [Path(path).resolve() for path in hidden]
        around = [Path.cwd(), *(path.parent for path in hidden)]  # the rest of the course
        self._settings = {
            "readable": readable_paths.readable_paths(data, [*hidden, *around, self._folder]),
            "hidden": list(map(str, hidden)),
            "draws": draws,
            "limits": Limits().as_dict(),
        }
        self._server: _ForkServer | None = None
        refused = []
        for tier in [tier for tier in TIERS if tier in set(tiers)]:
            self._settings["tier"] = tier
            try:
                self._server = _ForkServer(self._folder, self._settings)
                break
            except RunnerError as error:
                refused.append(f"{tier}: {error}")
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise RunnerError("no sandbox is to be had here: " + "; ".join(refused))
        self.sandbox = self._server.sandbox
        self.threads = self._server.threads

    def run(self, cells: list[RunnableCell], questions: Iterable[ProbeRequest], limits: Limits) -> RunResult:
        """Run the `cells` in the sandbox, then ask the `questions` one after the other; `limits` are those of the cells.

        All of it together, with every new start, takes at most the seconds of the cells and of the questions. Where a process of the
        sandbox itself is lost, it is started again; a cell or question that loses it twice is done with.

        Raises
        ------
        RunnerError
            If the sandbox cannot be set up; never for what a submission does.
        """
        result, queue, skip, lost = RunResult(), list(questions), set(), False
        deadline = time.monotonic() + limits.seconds + sum(question.limits.seconds for question in queue)
        while queue:
            result.starts += 1
            if result.starts > 2 * (len(cells) + len(result.results) + 2):
                raise RunnerError("the submission was started again and again")
            server = self._borrow()
            try:
                failed_cell = run_once(server.connect(), cells, queue, limits, skip, result, deadline)
            except GuardLost as error:
                if lost and not error.note_in(result, queue):
                    raise
                failed_cell, lost = error.cell if lost else None, True
            finally:
                if self._one_each:
                    server.close()
            if failed_cell is not None:
                skip.add(failed_cell)
        return result

    @property
    def _one_each(self) -> bool:
        return self.sandbox.tier == "bubblewrap"

    def _next_server(self) -> _ForkServer:
        """The fork server, or another one where that is lost or, in bubblewrap, used; called with the lock."""
        if self._server and not self._server.alive():
            lost, self._server = self._server, None
            lost.close()
        if self._server is None:
            self._server = _ForkServer(self._folder, self._settings)
        return self._server

    def _borrow(self) -> _ForkServer:
        """The fork server for a submission; in bubblewrap nobody else gets it."""
        with self._lock:
            server = self._next_server()
            if self._one_each:
                self._server = None
            return server

    @property
    def processes(self) -> int:
        """The process id of the fork server that takes the next submission; all student processes are below it."""
        with self._lock:
            return self._next_server().process.pid

    def close(self) -> None:
        """End the fork server and everything below it, and remove its folder."""
        if self._server:
            self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _ForkServer:
    """One fork server, started and ready; it ends with its connection."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._home = Path(tempfile.mkdtemp(dir=folder))
        for name in ("room", "scratch"):
            self._home.joinpath(name).mkdir()
        for passed in (folder, self._home):  # by another user, on the way to a scratch folder
            passed.chmod(0o711)
        base = str(self._home / "scratch")
        settings = settings | {"build_at": str(self._home / "room"), "base": base}
        wrapper = []
        if settings["tier"] == "bubblewrap":
            wrapper = bubblewrap.command(settings["readable"], int(settings["limits"]["scratch_bytes"]))
            if not wrapper:
                raise RunnerError("it is not installed, or may make no namespaces")
        self._lock = threading.Lock()
        self._connection, theirs = socket.socketpair()
        self._log = open(self._home / "forkserver.log", "w+b")  # noqa: SIM115  # closed in `close`
        home = "/tmp" if wrapper else base
        self._group = control_group.make_parent(f"{folder.name}-{self._home.name}")
        group = self._group.opened() if self._group else None
        settings = settings | {"group": group.as_dict() if group else None}
        passed_on = [theirs.fileno(), *(group.folders.values() if group else ())]
        self.process = subprocess.Popen(
            [*wrapper, *_command(theirs.fileno(), settings)],
            pass_fds=passed_on,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            cwd=base,
            env=_environment(home),
            start_new_session=True,  # the grader handles Ctrl-C
        )
        theirs.close()
        for folder_number in passed_on[1:]:
            os.close(folder_number)
        try:
            hello = self._hello()
        except BaseException:
            self.close()
            raise
        self.sandbox = Confinement(**hello["walls"])
        self.threads: int = hello["threads"]

    def _hello(self) -> dict[str, Any]:
        self._connection.settimeout(START_SECONDS)
        line = b""
        try:
            while not line.endswith(b"\n"):
                part = self._connection.recv(65536)
                if not part:
                    break
                line += part
        except TimeoutError:
            raise RunnerError(f"the runner was not ready after {START_SECONDS} s") from None
        hello = json.loads(line) if line.endswith(b"\n") else {"error": f"it ended: {self._last_words()}"}
        if "error" in hello:
            raise RunnerError(hello["error"])
        return hello

    def _last_words(self) -> str:
        try:
            self._log.flush()
            return (self._home / "forkserver.log").read_text(errors="replace").strip()[-2000:]
        except (OSError, ValueError):  # closed, by another thread that found it lost
            return ""

    def alive(self) -> bool:
        """Whether it can take a submission. A process that is being ended closes its connection some time before it is gone."""
        if self._connection.fileno() < 0:
            return False
        told = select.poll()
        told.register(self._connection, select.POLLIN)
        return not told.poll(0) and self.process.poll() is None

    def connect(self) -> socket.socket:
        """A connection to a new supervisor; a `GuardLost` if there is none any more."""
        ours, theirs = socket.socketpair()
        try:
            with self._lock:
                socket.send_fds(self._connection, [b"g"], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise GuardLost(f"the runner has gone: {self._last_words() or error}") from None
        finally:
            theirs.close()
        return ours

    def close(self) -> None:
        """End it, and everything below it."""
        self._connection.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()
        if self._group:
            self._group.remove()
        shutil.rmtree(self._home, ignore_errors=True)


def _command(connection: int, settings: dict[str, Any]) -> list[str]:
    kit = str(Path(__file__).resolve().parents[2])
    code = (
        f"import sys; sys.path[:] = [p for p in sys.path if p and p != {kit!r}] + [{kit!r}];"
        " from cnnlab.grading.sandbox.forkserver import main; main(int(sys.argv[1]), sys.argv[2])"
    )
    hidden = settings["hidden"] if settings["tier"] == WITHOUT_WALLS else []  # to see whether it is
    told = json.dumps(settings | {"hidden": hidden})
    return [sys.executable, "-s", "-P", "-B", "-c", code, str(connection), told]


def _remove_what_is_stale() -> None:
    """Remove the folders of this user's graders that were killed, and their control groups."""
    control_group.remove_stale(PREFIX, _is_stale)
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        with suppress(OSError):
            if _is_stale(folder.name) and folder.stat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)


def _is_stale(name: str) -> bool:
    owner = name.removeprefix(PREFIX).partition("-")[0]
    return owner.isdigit() and not psutil.pid_exists(int(owner))


def _environment(home: str) -> dict[str, str]:
    """The environment of the runner's processes: nothing of the grader's own."""
    passed_through = {
        key: os.environ[key]
        for key in ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")
        if key in os.environ
    }
    single_threaded = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    )
    fixed = {"PATH": os.defpath, "HOME": home, "USER": "student", "LOGNAME": "student", "MPLBACKEND": "Agg"}
    python = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    # Python's own allocator asks for a mebibyte at a time, too little for large pages, and so makes each fork slower by a third.
    python |= {"PYTHONMALLOC": "malloc"}
    return (
        passed_through
        | single_threaded
        | fixed
        | python
        | {"MPLCONFIGDIR": home, "CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1"}
    )
