"""The files of a download, which is a zip or a folder: each is read through bounds, and what could lead out of it is refused.

A name with `..`, an absolute one, a link, an encrypted file, and a file or an archive that unpacks to more than the limits below are
refused and named; the other files are read. Nothing is written here.
"""

from __future__ import annotations

import io
import os
import stat
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cnnlab.grading import untrusted
from cnnlab.grading.submissions import file_content
from cnnlab.grading.untrusted import MAX_BYTES, InvalidSubmission

MAX_FILES = 50_000
MAX_RATIO = 100  # of all that is unpacked to the size of the archive, beside MAX_BYTES that any may have
LEFT_BY_SYSTEMS = ("__MACOSX", "__pycache__", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class ArchivedFile:
    """A file of a download: its path in it, with slashes; when it was changed (0 if that is not said); and its bytes, read when asked."""

    path: str
    modified: float
    read: Callable[[], bytes]


@contextmanager
def opened(source: Path | io.BytesIO) -> Iterator[tuple[list[ArchivedFile], list[str]]]:
    """The files of a zip or a folder, in the order of their paths, and a line for each that is refused.

    Reading one may raise `InvalidSubmission`, which concerns this file alone.

    Raises
    ------
    InvalidSubmission
        If it is neither a folder nor a zip, or has too many files.
    FileNotFoundError
        If it is not there.
    """
    if isinstance(source, Path) and not source.exists():
        raise FileNotFoundError(
            f"there is no download {source}; name its zip, or the folder where it is unpacked."
        )
    if isinstance(source, Path) and source.is_dir():
        yield _in_folder(source)
        return
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(source))
            found = _in_zip(archive, _called(source))
        except InvalidSubmission:
            raise
        except Exception as error:  # a broken archive raises many kinds
            why = untrusted.line(str(error), 200)
            raise InvalidSubmission(
                _called(source), f"it is neither a folder nor a whole zip ({why})"
            ) from None
        yield found


def _in_zip(archive: zipfile.ZipFile, called: str) -> tuple[list[ArchivedFile], list[str]]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MAX_FILES:
        raise InvalidSubmission(called, f"it has {len(members)} files; at most {MAX_FILES} are read")
    archive.fp.seek(0, os.SEEK_END)
    budget = [MAX_BYTES + MAX_RATIO * archive.fp.tell()]  # bytes that may still be unpacked
    files, refused, seen = [], [], set()
    for member in members:
        path = _zip_path(member)
        if trouble := _trouble(member, path) or ("its name is there twice" if path in seen else ""):
            refused.append(f"{untrusted.line(untrusted.name(path), 300)}: {trouble}")
        elif not _left_by_system(path):
            seen.add(path)
            files.append(
                ArchivedFile(path, _zip_time(member), lambda one=member: _unpack(archive, one, budget))
            )
    return sorted(files, key=lambda file: file.path), refused


def _zip_path(member: zipfile.ZipInfo) -> str:
    """The path, whose bytes are read as UTF-8 where they are, whether the archive says so or not."""
    path = member.orig_filename
    if not member.flag_bits & 0x800:
        with suppress(UnicodeError):
            path = path.encode("cp437").decode("utf-8")
    return path.replace("\\", "/")


def _trouble(member: zipfile.ZipInfo, path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or ":" in path.split("/")[0][:2] or "\0" in path:
        return "its path leads out of the download"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "it is a link, and links are not followed"
    return "it is encrypted" if member.flag_bits & 1 else ""


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: list[int]) -> bytes:
    """The bytes of a file, never more than the limits, whatever the archive says of its size."""
    limit = max(0, min(MAX_BYTES, budget[0]))
    try:
        with archive.open(member) as file:
            content = file.read(limit + 1)
    except Exception as error:  # as above
        raise InvalidSubmission(
            member.filename, f"it cannot be unpacked: {untrusted.line(str(error), 200)}"
        ) from None
    budget[0] -= len(content)
    if len(content) > limit:
        raise InvalidSubmission(member.filename, f"it unpacks to more than {limit >> 20} MiB")
    return content


def _zip_time(member: zipfile.ZipInfo) -> float:
    try:
        return time.mktime((*member.date_time, 0, 0, -1)) if member.date_time[0] > 1980 else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _in_folder(folder: Path) -> tuple[list[ArchivedFile], list[str]]:
    files, refused = [], []
    for above, names, here in os.walk(folder):
        for name in sorted(names + here):
            whole = Path(above, name)
            path = whole.relative_to(folder).as_posix()
            if whole.is_symlink() or (name in here and not whole.is_file()):
                refused.append(
                    f"{untrusted.name(path)}: it is a link or no plain file, which is not followed"
                )
            elif name in here and not _left_by_system(path):
                files.append(ArchivedFile(path, whole.lstat().st_mtime, lambda one=whole: _content(one)))
        if len(files) > MAX_FILES:
            raise InvalidSubmission(_called(folder), f"it has more than {MAX_FILES} files")
    return sorted(files, key=lambda file: file.path), refused


def _content(path: Path) -> bytes:
    try:
        return file_content(path)
    except OSError as error:
        raise InvalidSubmission(untrusted.name(path.name), error.strerror or str(error)) from None


def _left_by_system(path: str) -> bool:
    return any(part in LEFT_BY_SYSTEMS or part.startswith("._") for part in path.split("/"))


def _called(source: Path | io.BytesIO) -> str:
    return untrusted.name(source.name) if isinstance(source, Path) else "the archive inside"
