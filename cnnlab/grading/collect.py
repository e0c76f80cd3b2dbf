"""`cnnlab collect`: the download of a platform becomes one folder a student, with a table of what went where, and when it was handed in.

Nothing is guessed silently, and nothing is lost. Where the roster does not say who is meant, the folder has the name as the platform
writes it, and the line asks; a login written into the table's column `student` decides. Collecting again is the same; a newer attempt
takes the place of the earlier one, which goes to `.earlier` in the student's folder; a file that you have changed stays as it is.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cnnlab.grading import untrusted
from cnnlab.grading.archives import ArchivedFile, opened
from cnnlab.grading.export import safe_name
from cnnlab.grading.late import parse_datetime
from cnnlab.grading.platforms import HandIn, recognise, with_worksheet
from cnnlab.grading.roster import AmbiguousName, Roster
from cnnlab.grading.tables import read_table, table
from cnnlab.grading.untrusted import InvalidSubmission
from cnnlab.grading.whole_files import write_whole

EARLIER = ".earlier"
COLUMNS = ("student", "submitted", "late", "file", "source", "sha256", "hand_in", "note")
MAX_INNER = 200  # files of an archive that a student handed in


@dataclass(frozen=True)
class CollectedFile:
    """A line of the table: a file of a student, its path in the folder of all ("" if it was not taken), its source, and its hash."""

    student: str
    submitted: str
    late: str
    file: str
    source: str
    sha256: str
    hand_in: str
    note: str = ""


@dataclass(frozen=True)
class Collected:
    """What was collected: the platform, the lines of the table, and what a human should look at."""

    platform: str
    rows: tuple[CollectedFile, ...]
    asks: tuple[str, ...]

    def __str__(self) -> str:
        students, files = {row.student for row in self.rows}, [row for row in self.rows if row.file]
        late = len({row.student for row in self.rows if row.late})
        timed = len({row.student for row in self.rows if row.submitted})
        head = (
            f"{self.platform} is collected; there are {len(files)} files of {len(students)} students in all;"
            f" a time is known for {timed}, marked late are {late}"
        )
        return "\n".join([head, *(f"needs a human: {line}" for line in self.asks)])


def table_path(assignment: str) -> Path:
    """Where the table of an assignment lies unless said: in the folder of the course."""
    return Path(f"{assignment}_collected.csv")


def read_collected(path: Path) -> list[CollectedFile]:
    """The lines of the table that `collect` wrote, with what you have changed in it."""
    _, rows = read_table(path, COLUMNS)
    for line, row in rows:
        if not row["student"]:
            raise InvalidSubmission(str(path), f"line {line} needs a student")
        if row["submitted"]:
            try:
                parse_datetime(row["submitted"])
            except ValueError as error:
                raise InvalidSubmission(str(path), f"line {line}: {error}") from None
    return [CollectedFile(**{column: row[column] for column in COLUMNS}) for _, row in rows]


def collect(
    assignment: str,
    source: Path,
    out: Path,
    path: Path,
    *,
    roster: Roster | None = None,
    platform: str | None = None,
    worksheet: Path | None = None,
) -> Collected:
    """Sort the download `source`, a zip or a folder, into `out`, one folder a student, and write the table to `path`.

    Raises
    ------
    ValueError
        If the download is that of no platform, or it cannot be told of which; or a table is not as it must be.
    FileNotFoundError
        If the download or a table is not there.
    """
    before = read_collected(path) if path.is_file() else []
    with opened(source) as (files, asks):
        platform, (hand_ins, left) = recognise(files, assignment, platform)
        asks = [*asks, *left]
        if worksheet:
            hand_ins, lines = with_worksheet(hand_ins, worksheet)
            asks += lines
        whose = _students(hand_ins, before, roster, asks)
        rows: list[CollectedFile] = []
        out.mkdir(parents=True, exist_ok=True)
        recorded = {row.file: row for row in before if row.file}
        for hand_in in hand_ins:
            rows += _place(hand_in, whose[hand_in.key], out, recorded, {row.file for row in rows}, asks)
    asks += _look_over(rows)
    now, hashes = {row.file for row in rows}, {(row.hand_in, row.sha256) for row in rows if row.file}
    for row in before:
        if row.hand_in not in whose:  # a download of others, or of fewer
            rows.append(row)
        elif row.file and row.file not in now:
            _put_aside(out, row, whose[row.hand_in], elsewhere=(row.hand_in, row.sha256) in hashes)
    rows.sort(key=lambda row: (row.student, row.file, row.source))
    write_whole(path, table(list(COLUMNS), [[getattr(row, column) for column in COLUMNS] for row in rows]))
    return Collected(platform, tuple(rows), tuple(dict.fromkeys(map(_printable, asks))))


def _students(
    hand_ins: list[HandIn], before: list[CollectedFile], roster: Roster | None, asks: list[str]
) -> dict[str, str]:
    """The student of each hand-in, by its key: as in the table, by the roster, or else as the platform writes the name."""
    in_table = {row.hand_in: row.student for row in before}
    edited = {row.hand_in for row in before if row.file and safe_name(row.student) != row.file.split("/")[0]}
    count = Counter(safe_name(hand_in.name) for hand_in in hand_ins)
    logins = {member.login for member in roster.members} if roster else set(in_table.values())
    whose: dict[str, str] = {}
    for hand_in in hand_ins:
        told = in_table.get(hand_in.key)
        if told in logins:
            whose[hand_in.key] = told
            continue
        of_others = {student for key, student in {**in_table, **whose}.items() if key != hand_in.key}
        shared = count[safe_name(hand_in.name)] > 1 or hand_in.name in of_others
        name = hand_in.key.replace("_", " ") if shared else hand_in.name
        if roster is None:
            if name != hand_in.name:
                asks.append(
                    f"{hand_in.key}: others have the name {hand_in.name} too, so the folder is {name}"
                )
        else:
            try:
                member = roster.match(hand_in.name, *hand_in.ids, address=hand_in.address)
                group = roster.in_group(hand_in.name)
                if member is None and not group:
                    asks.append(f"{hand_in.key}: {hand_in.name} is not in the roster; the folder is {name}")
                name = member.login if member else group[0].login if group else name
            except AmbiguousName as error:
                asks.append(f"{hand_in.key}: {error}; write the login into the table, and collect again")
        whose[hand_in.key] = untrusted.name(name)
        if hand_in.key in edited:
            asks.append(f"{hand_in.key}: the table says {told}, who is not in the roster")
    return whose


def _place(
    hand_in: HandIn,
    student: str,
    out: Path,
    recorded: dict[str, CollectedFile],
    taken: set[str],
    asks: list[str],
) -> Iterator[CollectedFile]:
    """Put the files of one hand-in into the student's folder; a line of the table for each."""
    late, seen, note = "late" if hand_in.late else "", {}, "; ".join(hand_in.notes)
    asks += [f"{student}: {one}" for one in hand_in.notes]
    for number, (place, file) in enumerate(_with_inner(hand_in, asks)):
        row = CollectedFile(
            student, hand_in.submitted, late, "", _printable(file.path), "", hand_in.key, note
        )
        try:
            content = file.read()
        except InvalidSubmission as error:
            asks.append(f"{student}: {file.path}: {error.reason}")
            yield replace(row, note=error.reason)
            continue
        digest = hashlib.sha256(content).hexdigest()
        if digest in seen:
            yield replace(row, sha256=digest, note=f"the same as {seen[digest]}")
            continue
        seen[digest] = place
        parts = [safe_name(student), *(safe_name(_printable(part)) for part in PurePosixPath(place).parts)]
        target = _free("/".join(parts), taken)
        taken.add(target)
        try:
            kept = _write(out, target, content, recorded.get(target))
            when = file.modified
            if hand_in.submitted:  # of several, the one changed last stays the newest
                when = parse_datetime(hand_in.submitted).timestamp() + number / 1000
            if not kept:
                os.utime(out / target, (when, when))
        except (OSError, OverflowError) as error:
            asks.append(f"{student}: {file.path}: it cannot be written: {error}")
            yield replace(row, note=f"it cannot be written: {error}")
            continue
        if kept:
            asks.append(f"{student}: {target} {kept}")
        yield replace(row, file=target, sha256=digest, note=kept or note)


def _with_inner(hand_in: HandIn, asks: list[str]) -> Iterator[tuple[str, ArchivedFile]]:
    """The files of a hand-in, and those inside a zip that the student handed in."""
    for place, file in sorted(hand_in.files, key=lambda pair: pair[1].modified):
        yield place, file
        if not place.lower().endswith(".zip"):
            continue
        try:
            with opened(io.BytesIO(file.read())) as (inner, refused):
                asks += [f"{file.path}: {line}" for line in refused]
                if len(inner) > MAX_INNER:
                    raise InvalidSubmission(
                        place, f"it has {len(inner)} files; at most {MAX_INNER} are unpacked"
                    )
                for one in inner:
                    yield f"{place[:-4]}/{one.path}", replace(one, path=f"{file.path}/{one.path}")
        except InvalidSubmission as error:
            asks.append(f"{file.path}: {error.reason}")


def _printable(path: str) -> str:
    """A path as it can stand in a table and come back."""
    return untrusted.line(untrusted.name(path), 1000)


def _free(target: str, taken: set[str]) -> str:
    """The place, or with a number behind where another file of this download has it."""
    path, number = PurePosixPath(target), 2
    while target in taken:
        target = str(path.with_name(f"{path.stem} [{number}]{path.suffix}"))
        number += 1
    return target


def _write(out: Path, target: str, content: bytes, row: CollectedFile | None) -> str:
    """Write a file whole; where one lies there that is not as it was collected, it stays, and a sentence says so."""
    path = out / target
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or path.exists():
        present = _digest(path)
        if present == hashlib.sha256(content).hexdigest():
            return ""
        if row is None or present != row.sha256:
            return "is not as it was collected, so it stays; the download has another"
        _put_aside(out, row, PurePosixPath(target).parts[0])
    write_whole(path, content)
    return ""


def _put_aside(out: Path, row: CollectedFile, student: str, *, elsewhere: bool = False) -> None:
    """Move a file that the download no longer has to `.earlier` of the student's folder, unless it was changed or lies elsewhere now."""
    path = out / row.file
    if _digest(path) != row.sha256:
        return
    if elsewhere:
        path.unlink()
    else:
        aside = out.joinpath(safe_name(student), EARLIER, row.sha256[:8], *PurePosixPath(row.file).parts[1:])
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, aside)
    for folder in path.parents:
        if folder == out or any(folder.iterdir()):
            break
        folder.rmdir()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""


def _look_over(rows: list[CollectedFile]) -> list[str]:
    """Lines about students whose hand-in is not one notebook."""
    lines = []
    for student in dict.fromkeys(row.student for row in rows):
        own = [row for row in rows if row.student == student]
        notebooks = [row.file for row in own if row.file.endswith(".ipynb")]
        keys = sorted({row.hand_in for row in own})
        if len(keys) > 1:
            lines.append(f"{student}: {len(keys)} hand-ins, {', '.join(keys)}")
        if not notebooks:
            lines.append(f"{student}: no notebook, but {', '.join(row.file or row.source for row in own)}")
        elif len(notebooks) > 1:
            lines.append(
                f"{student}: {len(notebooks)} notebooks, {', '.join(notebooks)}; the newest of the assignment is graded"
            )
    return lines
