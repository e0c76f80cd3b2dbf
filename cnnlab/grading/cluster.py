"""Workers of a Dask cluster for `batch`: `cnnlab grade ... --cluster tcp://scheduler:8786`, with the extra `cnnlab[cluster]`.

Submissions are sent as plain values, so are results, and the gradebook stays here. The workers must have the kit and the
assignment at the same path. Scheduler and workers exchange Dask's own pickles; nothing that a student's code has made is
ever in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnlab.grading.assignment import Assignment, load_assignment
from cnnlab.grading.runner import Runner
from cnnlab.grading.scoring import Result, grade_submission
from cnnlab.grading.submissions import Submission


@contextmanager
def workers(
    address: str, assignment: Assignment, tiers: Iterable[str], data: Iterable[Path]
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
        from distributed import Client
    except ModuleNotFoundError:
        raise ModuleNotFoundError("--cluster needs Dask: pip install 'cnnlab[cluster]'.") from None
    settings = (str(assignment.folder), tuple(tiers), tuple(map(str, data)))
    with Client(address, timeout=20) as client:

        def grade(student: str, submission: Submission, **how: Any) -> Result:
            return client.submit(_work, settings, student, submission, how, pure=False, retries=2).result()

        yield grade, 2 * max(1, sum(client.nthreads().values()))


def _work(settings: tuple, student: str, submission: Submission, how: dict[str, Any]) -> Result:
    """Grade one submission on a worker, with the runner that this worker keeps."""
    assignment, runner = _cached_runner(settings)
    return grade_submission(assignment, student, submission, runner=runner, **how)


@lru_cache(maxsize=1)
def _cached_runner(settings: tuple[str, tuple[str, ...], tuple[str, ...]]) -> tuple[Assignment, Runner]:
    folder, tiers, data = settings
    assignment = load_assignment(folder)
    hidden = [assignment.folder]
    return assignment, Runner(tiers, hidden=hidden, data=map(Path, data), draws=assignment.needs_world)
