"""The grader's side of the runner: it starts the fork server and sends it submissions.

The answer key is never sent. The exchange for a submission is in `cnnlab.grading.runner_protocol`.
"""

from __future__ import annotations

import json
import os
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
from cnnlab.grading.runner_protocol import ProbeRequest, RunnableCell, RunnerError, RunResult, run_once
from cnnlab.grading.sandbox import bubblewrap, readable_paths
from cnnlab.grading.sandbox.confinement import Confinement

START_SECONDS = 180
PREFIX = "cnnlab-grading-"


class Runner:
    """A fork server in the strictest sandbox tier of `tiers` that works on this machine.

    Parameters
    ----------
    tiers
        The acceptable tiers, of `cnnlab.grading.sandbox.confinement.TIERS`.
    hidden
        Folders that must stay hidden even inside the Python environment.
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
        tiers = list(tiers)
        _remove_stale_folders()
        self._folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        self._log = open(Path(self._folder, "forkserver.log"), "w+b")  # noqa: SIM115  # closed in `close`
        for name in ("room", "scratch"):
            Path(self._folder, name).mkdir()
        self._lock = threading.Lock()
        self._connection, theirs = socket.socketpair()
        settings = {
            "tiers": tiers,
            "readable": readable_paths.readable_paths(data, [*hidden, Path(self._folder)]),
            "build_at": str(Path(self._folder, "room")),
            "base": str(Path(self._folder, "scratch")),
            "draws": draws,
        }
        wrapper = bubblewrap.command(settings["readable"], settings["base"]) if "bubblewrap" in tiers else []
        self._process = self._start(theirs, settings | {"wrapped": bool(wrapper)}, wrapper)
        theirs.close()
        try:
            hello = self._hello()
        except BaseException:
            self.close()
            raise
        self.sandbox = Confinement(**hello["walls"])
        self.threads: int = hello["threads"]

    def _start(
        self, theirs: socket.socket, settings: dict[str, Any], wrapper: list[str]
    ) -> subprocess.Popen[bytes]:
        kit = str(Path(__file__).resolve().parents[2])
        code = (
            f"import sys; sys.path[:] = [p for p in sys.path if p and p != {kit!r}] + [{kit!r}];"
            " from cnnlab.grading.sandbox.forkserver import main; main(int(sys.argv[1]), sys.argv[2])"
        )
        command = [
            *wrapper,
            sys.executable,
            "-s",
            "-P",
            "-B",
            "-c",
            code,
            str(theirs.fileno()),
            json.dumps(settings),
        ]
        return subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            cwd=settings["base"],
            env=_environment(settings["base"]),
            start_new_session=True,  # the grader handles Ctrl-C
        )

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
            raise RunnerError(f"the runner does not start: {hello['error']}")
        return hello

    def _last_words(self) -> str:
        self._log.flush()
        return Path(self._folder, "forkserver.log").read_text(errors="replace").strip()[-2000:]

    def run(self, cells: list[RunnableCell], questions: Iterable[ProbeRequest], limits: Limits) -> RunResult:
        """Run the `cells` in the sandbox, then ask the `questions` one after the other; `limits` are those of the cells.

        All of it together, with every new start, takes at most the seconds of the cells and of the questions.

        Raises
        ------
        RunnerError
            If a supervisor is lost, or the sandbox cannot be set up; never for what a submission does.
        """
        result, queue, skip = RunResult(), list(questions), set()
        deadline = time.monotonic() + limits.seconds + sum(question.limits.seconds for question in queue)
        while queue:
            result.starts += 1
            failed_cell = run_once(self._connect_supervisor(), cells, queue, limits, skip, result, deadline)
            if failed_cell is not None:
                skip.add(failed_cell)
            if result.starts > 2 * (len(cells) + len(result.results) + 2):
                raise RunnerError("the submission was started again and again")
        return result

    def _connect_supervisor(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            with self._lock:
                socket.send_fds(self._connection, [b"g"], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise RunnerError(f"the runner has gone: {self._last_words() or error}") from None
        finally:
            theirs.close()
        return ours

    @property
    def processes(self) -> int:
        """The process id of the fork server; all student processes are below it."""
        return self._process.pid

    def close(self) -> None:
        """End the fork server and everything below it, and remove its folder."""
        self._connection.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _remove_stale_folders() -> None:
    """Remove the folders of this user's graders that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        with suppress(OSError):
            if owner.isdigit() and not psutil.pid_exists(int(owner)) and folder.stat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)


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
    return (
        passed_through
        | single_threaded
        | fixed
        | python
        | {"MPLCONFIGDIR": home, "CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1"}
    )
