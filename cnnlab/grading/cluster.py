"""Workers of a Dask cluster for `batch`: `cnnlab grade ... --cluster tcp://scheduler:8786`, with the extra `cnnlab[cluster]`.

Each worker does what `batch` does here, with a runner that it keeps. Submissions are sent as plain values, so are results, and the
gradebook stays here. The workers must have the kit and the assignment at the same path. Scheduler and workers exchange Dask's own
pickles; nothing that a student's code has made is ever in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from cnnlab.grading.assignment import Assignment, load_assignment
from cnnlab.grading.runner import Runner
from cnnlab.grading.runner_protocol import RunnerError
from cnnlab.grading.scoring import Result, grade_submission
from cnnlab.grading.submissions import Submission

PATIENCE = 60.0  # seconds from one look at whether there are workers to the next


@dataclass(frozen=True)
class _Settings:
    """What a worker grades, and how: paths as text."""

    folder: str
    fingerprint: str
    tiers: tuple[str, ...]
    hidden: tuple[str, ...]
    data: tuple[str, ...]


_lock = Lock()
_kept: dict[_Settings, tuple[Assignment, Runner]] = {}  # of this worker: one at most


@contextmanager
def workers(
    address: str, assignment: Assignment, tiers: Iterable[str], hidden: Iterable[Path], data: Iterable[Path]
) -> Iterator[tuple[Callable[..., Result], int]]:
    """The workers of the scheduler at `address`: yields `grade_submission` for this assignment there, and how many calls to make at once.

    Raises
    ------
    ModuleNotFoundError
        If Dask's distributed is not installed.
    OSError
        If there is no scheduler at the address.
    """
    try:
        from distributed import Client, wait
    except ModuleNotFoundError:
        raise ModuleNotFoundError("--cluster needs Dask: pip install 'cnnlab[cluster]'.") from None
    paths = [tuple(str(Path(path).absolute()) for path in some) for some in (hidden, data)]
    settings = _Settings(str(assignment.folder), assignment.fingerprint, tuple(tiers), *paths)
    with Client(address, timeout=20) as client:

        def grade(student: str, submission: Submission, **how: Any) -> Result:
            future = client.submit(_work, settings, student, submission, how, pure=False, retries=2)
            deserted = 0  # looks in a row that have found no worker; one that has died may be starting again
            while not future.done():
                if deserted == 2:
                    raise RunnerError("the cluster has no worker left; start one, and give the same command")
                deserted = 0 if client.nthreads() else deserted + 1
                with suppress(TimeoutError):
                    wait(future, PATIENCE)
            return future.result()

        yield grade, 2 * max(1, sum(client.nthreads().values()))


def _work(settings: _Settings, student: str, submission: Submission, how: dict[str, Any]) -> Result:
    """Grade one submission on a worker, with the runner that this worker keeps."""
    assignment, runner = _runner(settings)
    return grade_submission(assignment, student, submission, runner=runner, **how)


def _runner(settings: _Settings) -> tuple[Assignment, Runner]:
    """The assignment as it is now, and a runner for it; those for another assignment, or for an older key, are dropped.

    Raises
    ------
    ValueError
        If this worker's copy of the assignment is not the one that is graded.
    """
    with _lock:
        if settings not in _kept:
            assignment = load_assignment(settings.folder)
            if assignment.fingerprint != settings.fingerprint:
                raise ValueError(f"this worker has another version of {assignment.name}: bring it up to date")
            _kept.clear()  # a runner that still grades something ends after that
            data, hidden = map(Path, settings.data), map(Path, settings.hidden)
            runner = Runner(settings.tiers, hidden=hidden, data=data, draws=assignment.needs_world)
            _kept[settings] = assignment, runner
        return _kept[settings]
