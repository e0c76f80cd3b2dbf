"""Batch grading of a class: find the submissions and grade those that are not in the gradebook yet, one thread per core.

One bad submission never stops the batch. The grader may be killed at any moment; the same command continues where it stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tqdm.auto import tqdm

import cnnlab
from cnnlab._validation import one_of
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.cluster import workers
from cnnlab.grading.gradebook import Gradebook, GradebookError
from cnnlab.grading.limits import Limits
from cnnlab.grading.runner import Runner
from cnnlab.grading.sandbox.confinement import BOXES
from cnnlab.grading.scoring import Result, grade_submission, grader_error
from cnnlab.grading.submissions import SubmissionFile, digest, find, read


@dataclass(frozen=True)
class Batch:
    """Summary of a batch: counts by status, submissions graded now and before, what needs review or is to be marked, seconds it took.

    `left_behind` names the rows of the gradebook that are no longer true: of students who are gone, or graded with another key.
    """

    statuses: dict[str, int]
    graded: int
    already_graded: int
    needs_review: tuple[str, ...]
    sandbox: str
    start_seconds: float
    seconds: float
    to_be_marked: int = 0
    left_behind: tuple[str, ...] = ()

    @property
    def not_graded(self) -> int:
        """Number of submissions on which the grader failed."""
        return self.statuses.get("grader error", 0)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        rate = f", {self.graded / self.seconds:.1f} a second" if self.graded and self.seconds else ""
        lines = [
            f"{self.graded + self.already_graded} submissions: {counts}",
            f"graded now: {self.graded} in {self.seconds:.1f} s{rate}; in the gradebook already: {self.already_graded}",
        ]
        if self.sandbox:
            lines.append(f"sandbox: {self.sandbox}; the runner took {self.start_seconds:.1f} s to start")
        lines += [f"needs a human: {review}" for review in self.needs_review]
        if self.to_be_marked:
            lines.append(f"written answers to be marked (`cnnlab mark`): {self.to_be_marked}")
        lines += [f"left behind in the gradebook: {row}" for row in self.left_behind]
        return "\n".join(lines)


def grade_folder(
    assignment: Assignment,
    folder: Path,
    gradebook: Gradebook,
    *,
    jobs: int | None = None,
    tiers: Iterable[str] = BOXES,
    limits: Limits | None = None,
    data: Iterable[Path] = (),
    regrade: bool = False,
    progress: bool = True,
    cluster: str | None = None,
    only: Iterable[str] = (),
) -> Batch:
    """Grade every submission in `folder` that is not in the gradebook in its present state.

    Parameters
    ----------
    jobs
        Number of submissions graded at once; by default the number of cores, on a cluster twice that of its workers.
    tiers
        The acceptable sandbox tiers.
    limits
        Limits for the cells of a submission; those of the questions are in the answer key.
    data
        Folders that answers may read.
    regrade
        Also grade submissions that are in the gradebook already.
    cluster
        The address of a Dask scheduler whose workers do the grading.
    only
        The students to be graded, all unless said.

    Raises
    ------
    ValueError
        If one of `only` has no submission in the folder.
    FileNotFoundError
        If the folder does not exist or is empty.
    RunnerError
        If no acceptable tier works on this machine.
    GradebookError
        If the gradebook cannot be written.
    """
    folder = Path(folder)
    limits = limits or Limits()
    only = tuple(only)
    planned = plan(assignment, folder, gradebook, limits=limits, regrade=regrade, only=only)
    submissions = [found for found, _, _ in planned]
    queue = [(found, mark) for found, mark, reason in planned if reason]
    start_seconds, started = 0.0, time.perf_counter()
    if queue:
        hidden, secret = [assignment.folder, folder, gradebook.path], gradebook.secret
        with contextlib.ExitStack() as stack:
            if cluster:
                grade, jobs = stack.enter_context(workers(cluster, assignment, tiers, hidden, data))
            else:
                runner = Runner(tiers, hidden=hidden, data=data, draws=assignment.needs_world)
                grade = partial(grade_submission, assignment, runner=stack.enter_context(runner))
            start_seconds, started = time.perf_counter() - started, time.perf_counter()

            def work(found: SubmissionFile, mark: str) -> tuple[Result, str]:
                try:
                    began, submission = time.perf_counter(), read(found.path)
                    submission = replace(submission, notes=(*submission.notes, *found.notes))
                    mark = fingerprint(assignment, submission.digest, found.notes, limits)
                    result = grade(found.student, submission, secret=secret, limits=limits)
                    return replace(result, seconds=time.perf_counter() - began), mark
                except Exception as error:
                    return grader_error(assignment, found.student, error), mark

            def keep(result: Result, mark: str) -> None:
                try:
                    gradebook.write(assignment.name, result, mark)
                except GradebookError:  # it concerns everybody
                    raise
                except Exception as error:
                    gradebook.write(assignment.name, grader_error(assignment, result.student, error), mark)

            _run_all(queue, work, keep, jobs, progress)
    seconds = time.perf_counter() - started
    names = {found.student for found in submissions}
    results = [result for result in gradebook.results(assignment.name) if result.student in names]
    sandbox = next((result.sandbox for result in results if result.sandbox and queue), "")
    return Batch(
        dict(Counter(result.status for result in results)),
        len(queue),
        len(submissions) - len(queue),
        tuple(line for result in results for line in review_reasons(result)),
        sandbox,
        start_seconds,
        seconds,
        sum(question.status == "to be marked" for result in results for question in result.questions),
        () if only else tuple(rows_left_behind(assignment, gradebook, names, limits)),
    )


def plan(
    assignment: Assignment,
    folder: Path,
    gradebook: Gradebook,
    *,
    limits: Limits | None = None,
    regrade: bool = False,
    only: Iterable[str] = (),
) -> list[tuple[SubmissionFile, str, str]]:
    """The submissions in `folder`, each with its fingerprint and the reason why it is to be graded, "" if it is graded already."""
    submissions, wanted = find(folder, assignment.name), list(only)
    for student in wanted:
        one_of(student, [found.student for found in submissions], "student")
    in_book = set(gradebook.students(assignment.name))
    planned = []
    for found in submissions:
        if wanted and found.student not in wanted:
            continue
        mark, reason = fingerprint(assignment, digest(found.path), found.notes, limits or Limits()), ""
        if found.student not in in_book:
            reason = "not graded yet"
        elif not gradebook.is_graded(assignment.name, found.student, mark):
            reason = "the submission, the key or the grader has changed since, or the grader had failed"
        elif regrade:
            reason = "to be graded again"
        planned.append((found, mark, reason))
    return planned


def fingerprint(assignment: Assignment, handed_in: str, notes: Iterable[str], limits: Limits) -> str:
    """Hash of everything that the grade depends on: the file by its digest, the assignment, the limits, the grader."""
    parts = [handed_in, assignment.fingerprint, repr(limits), cnnlab.__version__, *notes]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def rows_left_behind(
    assignment: Assignment, gradebook: Gradebook, there: set[str], limits: Limits
) -> Iterator[str]:
    """A line for each row of the gradebook whose student is not `there` any more, or whose grade is not one of today's key."""
    for result in gradebook.results(assignment.name):
        mark = fingerprint(assignment, result.digest, result.notes, limits)
        is_old = not gradebook.is_graded(assignment.name, result.student, mark)
        reasons = ["there is no such submission any more"] * (result.student not in there)
        reasons += ["graded with another key, kit or limits"] * (is_old and result.status != "grader error")
        if reasons:
            yield f"{result.student}: {'; '.join(reasons)}"


def review_reasons(result: Result) -> list[str]:
    """The reasons for a human to review this submission; empty if there are none."""
    if result.status in ("unreadable", "missing", "grader error"):
        return [f"{result.student}: {result.status}: {result.note}"]
    lines = [f"{result.student}: {note}" for note in result.notes]
    for question in result.questions:
        lines += [f"{result.student}, {question.question}: {reason}" for reason in question.review]
    return lines


def _run_all(
    queue: list[tuple[SubmissionFile, str]],
    work: Callable[[SubmissionFile, str], tuple[Result, str]],
    keep: Callable[[Result, str], None],
    jobs: int | None,
    progress: bool,
) -> None:
    """Do the `work` of each submission, and `keep` what comes of it; those under way at an interruption are graded again next time.

    It is kept from here, so that no core waits for the disk.
    """
    jobs = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="grading")
    running: set[Future[tuple[Result, str]]] = set()
    remaining = iter(queue)
    try:
        with tqdm(total=len(queue), desc="grading", unit="", disable=None if progress else True) as bar:
            while True:
                while len(running) < 2 * jobs and (following := next(remaining, None)):
                    running.add(pool.submit(work, *following))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    keep(*future.result())
                    bar.update()
    finally:
        pool.shutdown(cancel_futures=True)
