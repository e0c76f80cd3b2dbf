"""Batch grading on a Dask cluster: `cnnlab grade ... --cluster tcp://scheduler:8786`, with the extra `cnnlab[cluster]`.

Submissions are sent as bytes, results return as plain values, and the gradebook stays here. The workers must have the kit and the
assignment at the same path. Scheduler and workers exchange Dask's own pickles; nothing that a student's code has made is
ever in them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from cnnlab.grading.assignment import Assignment, load_assignment
from cnnlab.grading.batch import SANDBOXED_TIERS, Batch, fingerprint, review_reasons
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.limits import Limits
from cnnlab.grading.runner import Runner
from cnnlab.grading.scoring import Result, grade_submission
from cnnlab.grading.submissions import Submission, find, read


def grade_on_cluster(
    address: str,
    assignment: Assignment,
    folder: Path,
    gradebook: Gradebook,
    *,
    tiers: Iterable[str] = SANDBOXED_TIERS,
    data: Iterable[Path] = (),
    regrade: bool = False,
) -> Batch:
    """Grade a folder as `batch.grade_folder` does, on the workers of the scheduler at `address`.

    Raises
    ------
    ModuleNotFoundError
        If Dask's distributed is not installed.
    OSError
        If there is no scheduler at the address.
    """
    try:
        from distributed import Client, as_completed
    except ModuleNotFoundError:
        raise ModuleNotFoundError("--cluster needs Dask: pip install 'cnnlab[cluster]'.") from None
    limits, submissions, started = Limits(), find(Path(folder), assignment.name), time.perf_counter()
    fingerprints = {found.student: fingerprint(assignment, found, limits) for found in submissions}
    queue = [
        found
        for found in submissions
        if regrade or not gradebook.is_graded(assignment.name, found.student, fingerprints[found.student])
    ]
    sandbox = ""
    with Client(address, timeout=20) as client:
        settings = (str(assignment.folder), tuple(tiers), tuple(map(str, data)))
        tasks = [
            client.submit(
                work,
                settings,
                found.student,
                _read(found.path, found.notes),
                gradebook.secret,
                limits,
                pure=False,
                retries=2,
            )
            for found in queue
        ]
        for task in as_completed(tasks):
            result = task.result()
            gradebook.write(assignment.name, result, fingerprints[result.student])
            sandbox = result.sandbox or sandbox
            task.release()
    names = {found.student for found in submissions}
    results = [result for result in gradebook.results(assignment.name) if result.student in names]
    needs_review = tuple(line for result in results for line in review_reasons(result))
    statuses = dict(Counter(result.status for result in results))
    return Batch(
        statuses,
        len(queue),
        len(submissions) - len(queue),
        needs_review,
        sandbox,
        0.0,
        time.perf_counter() - started,
    )


def work(
    settings: tuple[str, tuple[str, ...], tuple[str, ...]],
    student: str,
    submission: Submission,
    secret: bytes,
    limits: Limits,
) -> Result:
    """Grade one submission on a worker, with the runner that this worker keeps."""
    assignment, runner = _cached_runner(settings)
    started = time.perf_counter()
    result = grade_submission(assignment, student, submission, runner=runner, secret=secret, limits=limits)
    return replace(result, seconds=time.perf_counter() - started)


@lru_cache(maxsize=1)
def _cached_runner(settings: tuple[str, tuple[str, ...], tuple[str, ...]]) -> tuple[Assignment, Runner]:
    folder, tiers, data = settings
    assignment = load_assignment(folder)
    hidden = [assignment.folder]
    return assignment, Runner(tiers, hidden=hidden, data=map(Path, data), draws=assignment.needs_world)


def _read(path: Path | None, notes: tuple[str, ...]) -> Submission:
    submission = read(path)
    return replace(submission, notes=(*submission.notes, *notes))
