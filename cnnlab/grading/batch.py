"""A whole class: find the submissions, grade those that are not in the gradebook yet, one thread a core, and say who needs a human.

One bad submission never stops the batch. Kill the grader at any moment; the same command goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

import cnnlab
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.limits import Limits
from cnnlab.grading.runner import Runner
from cnnlab.grading.scoring import Result, grade_submission
from cnnlab.grading.submissions import Found, Submission, find, read

CONFINED = ("bubblewrap", "namespaces", "landlock")


@dataclass(frozen=True)
class Batch:
    """What a grading did: results by status, how many were graded now and before, who needs a human, seconds to start and to grade."""

    statuses: dict[str, int]
    graded: int
    kept: int
    people: tuple[str, ...]
    walls: str
    start_seconds: float
    seconds: float

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        rate = f", {self.graded / self.seconds:.1f} a second" if self.graded and self.seconds else ""
        lines = [
            f"{self.graded + self.kept} submissions: {counts}",
            f"graded now: {self.graded} in {self.seconds:.1f} s{rate}; in the gradebook already: {self.kept}",
        ]
        if self.walls:
            lines.append(f"walls: {self.walls}; the runner took {self.start_seconds:.1f} s to start")
        lines += [f"needs a human: {person}" for person in self.people]
        return "\n".join(lines)


def grade_folder(
    assignment: Assignment,
    folder: Path,
    gradebook: Gradebook,
    *,
    jobs: int | None = None,
    tiers: Iterable[str] = CONFINED,
    limits: Limits | None = None,
    data: Iterable[Path] = (),
    again: bool = False,
    progress: bool = True,
) -> Batch:
    """Grade every submission in `folder` that is not in the gradebook as it is now.

    Parameters
    ----------
    jobs
        How many submissions at once; the number of cores unless said.
    tiers
        The acceptable tiers of confinement.
    limits
        For the cells of a submission; those of the questions stand in the key.
    data
        Folders that answers may read.
    regrade
        Also grade what is in the gradebook already.

    Raises
    ------
    FileNotFoundError
        If the folder is not there or empty.
    RunnerError
        If no acceptable tier works here.
    GradebookError
        If the gradebook cannot be written.
    """
    folder = Path(folder)
    found = find(folder, assignment.name)
    limits = limits or Limits()
    waiting = []
    for one in found:
        mark = fingerprint(assignment, one, limits)
        if again or not gradebook.is_done(assignment.name, one.student, mark):
            waiting.append((one, mark))
    walls, start_seconds, begin = "", 0.0, time.perf_counter()
    if waiting:
        hidden = [assignment.folder, folder, gradebook.path]
        with Runner(tiers, hidden=hidden, data=data, draws=assignment.draws) as runner:
            walls, start_seconds = str(runner.walls), time.perf_counter() - begin
            begin = time.perf_counter()

            def work(one: Found) -> Result:
                return grade_found(assignment, one, runner=runner, secret=gradebook.secret, limits=limits)

            _all(
                waiting,
                work,
                lambda result, mark: gradebook.write(assignment.name, result, mark),
                jobs,
                progress,
            )
    seconds = time.perf_counter() - begin
    names = {one.student for one in found}
    results = [result for result in gradebook.results(assignment.name) if result.student in names]
    return Batch(
        dict(Counter(result.status for result in results)),
        len(waiting),
        len(found) - len(waiting),
        tuple(line for result in results for line in for_a_human(result)),
        walls,
        start_seconds,
        seconds,
    )


def grade_found(assignment: Assignment, one: Found, **how: Any) -> Result:
    """Read and grade one submission."""
    begin = time.perf_counter()
    submission = read(one.path)
    submission = replace(submission, notes=(*submission.notes, *one.notes))
    result = grade_submission(assignment, one.student, submission, **how)
    return replace(result, seconds=time.perf_counter() - begin)


def fingerprint(assignment: Assignment, one: Found, limits: Limits) -> str:
    """Of everything that the grade depends on: the file, the assignment, the limits, the grader."""
    submission: Submission = read(one.path)
    parts = [
        submission.digest,
        submission.trouble,
        assignment.fingerprint,
        repr(limits),
        cnnlab.__version__,
        *one.notes,
    ]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def for_a_human(result: Result) -> list[str]:
    """Why somebody should look at this submission; nothing where nobody has to."""
    if result.status in ("unreadable", "missing", "grader error"):
        return [f"{result.student}: {result.status}: {result.note}"]
    lines = [f"{result.student}: {note}" for note in result.notes]
    for question in result.questions:
        lines += [f"{result.student}, {question.question}: {reason}" for reason in question.review]
    return lines


def _all(
    waiting: list[tuple[Found, str]],
    work: Callable[[Found], Result],
    write: Callable[[Result, str], None],
    jobs: int | None,
    progress: bool,
) -> None:
    """Work through the list and write each result as it comes; what is under way when this is stopped is done again next time."""
    jobs = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="grading")
    under_way: dict[Future[Result], str] = {}
    rest = iter(waiting)
    try:
        with tqdm(total=len(waiting), desc="grading", unit="", disable=None if progress else True) as bar:
            while True:
                while len(under_way) < 2 * jobs and (following := next(rest, None)):
                    under_way[pool.submit(work, following[0])] = following[1]
                if not under_way:
                    return
                for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                    write(done.result(), under_way.pop(done))
                    bar.update()
    finally:
        pool.shutdown(cancel_futures=True)
