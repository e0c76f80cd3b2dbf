"""Submissions in a folder: their files, their students, and their code cells.

A link, or anything but a plain file, is never opened: a link could lead to another student's work. No submitted code runs here.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from cnnlab.grading import untrusted
from cnnlab.grading.untrusted import MAX_BYTES, InvalidSubmission, SubmittedCell

BESIDE = ("__MACOSX", "__pycache__")


@dataclass(frozen=True)
class SubmissionFile:
    """A submission in the folder; `path` is None where no file of the student can be one."""

    student: str
    path: Path | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """An opened submission: cells of code, and of text; `error` is the reason why it cannot be read, "" if it can."""

    cells: tuple[SubmittedCell, ...] = ()
    assignment: str | None = None
    error: str = ""
    digest: str = ""
    notes: tuple[str, ...] = field(default=())
    texts: tuple[SubmittedCell, ...] = ()


def find(folder: Path, assignment: str) -> list[SubmissionFile]:
    """Find the submissions in `folder`: each file is named after a student, and so is each folder.

    In a student's folder, notebooks may be at any depth; of several, the one whose metadata name `assignment` is taken, and of several
    such the newest, with a note.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or is empty.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; name the folder that holds the submissions.")
    entries = sorted(
        entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name not in BESIDE
    )
    if not entries:
        raise FileNotFoundError(f"{folder} is empty: put one notebook, or one folder, a student there.")
    submissions = []
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            submissions.append(_in_folder(entry, assignment))
        else:
            submissions.append(SubmissionFile(untrusted.name(entry.stem), entry))
    return _distinct_names(submissions, entries)


def _in_folder(folder: Path, assignment: str) -> SubmissionFile:
    paths, student = [], untrusted.name(folder.name)
    for above, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if name not in BESIDE and not name.startswith("."))
        paths += [Path(above, name) for name in sorted(files) if not name.startswith(".")]
    notebooks = [path for path in paths if path.suffix == ".ipynb"]
    candidates = notebooks or paths
    modules = [untrusted.name(path.name) for path in paths if path.suffix == ".py" and notebooks]
    beside = untrusted.line(", ".join(modules), 300)
    notes = (f"beside the notebook lies {beside}, which is not used",) if modules else ()
    if not candidates:
        return SubmissionFile(student, None)
    if len(candidates) == 1:
        return SubmissionFile(student, candidates[0], notes)
    matching = [path for path in candidates if read(path).assignment == assignment] or candidates
    matching.sort(key=lambda path: (path.lstat().st_mtime, path.name))
    newest = untrusted.name(matching[-1].name)
    several = f"{len(matching)} notebooks were handed in; the newest, {newest}, is graded"
    return SubmissionFile(student, matching[-1], (several, *notes) if len(matching) > 1 else notes)


def _distinct_names(submissions: list[SubmissionFile], entries: list[Path]) -> list[SubmissionFile]:
    """A name of its own for each: where several are equal, a file has its ending, and what is still equal a hash of its bytes."""
    for longer in (_whole_name, _hashed_name, _hashed_name):  # twice, since a name may look like a hashed one
        count = Counter(submission.student for submission in submissions)
        submissions = [
            replace(submission, student=longer(submission.student, entry))
            if count[submission.student] > 1
            else submission
            for submission, entry in zip(submissions, entries, strict=True)
        ]
    return submissions


def _whole_name(name: str, entry: Path) -> str:
    return name if entry.is_dir() else untrusted.name(entry.name)


def _hashed_name(name: str, entry: Path) -> str:
    return f"{name} {hashlib.sha256(os.fsencode(entry.name)).hexdigest()[:8]}"


def read(path: Path | None) -> Submission:
    """Read a submission; any problem is its `error`, never an exception."""
    if path is None:
        return Submission(error="there is no file")
    try:
        content = file_content(path)
    except OSError as error:
        return Submission(error=f"it cannot be opened: {error.strerror or error}")
    digest = hashlib.sha256(content).hexdigest()
    try:
        assignment, cells = untrusted.notebook(content, untrusted.name(path.name))
    except InvalidSubmission as error:
        return Submission(error=error.reason, digest=digest)
    code, texts = (tuple(cell for cell in cells if cell.is_text is is_text) for is_text in (False, True))
    return Submission(code, assignment, digest=digest, texts=texts)


def digest(path: Path | None) -> str:
    """The digest of what was handed in, as in `read`: "" if it cannot be opened."""
    try:
        return hashlib.sha256(file_content(path)).hexdigest() if path else ""
    except OSError:
        return ""


def file_content(path: Path) -> bytes:
    """The bytes of a submitted file; an OSError for anything but a plain file of bounded size."""
    before = path.lstat()
    if stat.S_ISLNK(before.st_mode):
        raise OSError(0, "it is a link, and links are not followed")
    if not stat.S_ISREG(before.st_mode):
        raise OSError(0, "it is not a plain file")
    if before.st_size > MAX_BYTES:
        raise OSError(0, f"it has {before.st_size >> 20} MiB, more than {MAX_BYTES >> 20}")
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(number, "rb") as file:
        return file.read(MAX_BYTES + 1)
