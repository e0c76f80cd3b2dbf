"""What downloads of Canvas, Moodle, Gradescope, nbgrader and JupyterHub look like: whose each file is, and when it was handed in.

Canvas (`content_zipper.rb`; "Download Submissions")
    One file beside the other, `surnamefirst_LATE_101_202_mine.ipynb`: the name without blanks and signs, the mark if it is late, the
    numbers of the user and of the attachment, the file. A text is `surnamefirst_101_text.html`, an address `..._link.html`; in
    anonymous grading `anon_x7Yz1_202_mine.ipynb`. There are no times.
Moodle (`mod/assign/classes/downloader.php`; "Download all submissions")
    A folder `First Surname_7_assignsubmission_file` (with `_` behind before 4.1) with the files as they were, and
    `..._assignsubmission_onlinetext`; or, flat, `First Surname_7_assignsubmission_file_mine.ipynb`. 7 is the participant's number;
    in groups it is the group's, and the name is the group's. Times are in the grading worksheet alone.
Gradescope ("Export Submissions")
    A folder `submission_1234` for each, and `submission_metadata.yml` with its submitters and `:created_at`.
nbgrader (`exchange/default/submit.py`, `collect.py`)
    `ada/a1_seeing/mine.ipynb`, and beside it `timestamp.txt`, which `nbgrader submit` writes over whatever has this name there. It
    runs as the student, so this time is as sure as the exchange.
JupyterHub
    The same, as homes of students: here a `timestamp.txt` is the student's own. The two cannot be told apart, so one must be said.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from cnnlab._validation import one_of
from cnnlab.grading import untrusted
from cnnlab.grading.archives import ArchivedFile
from cnnlab.grading.tables import read_table
from cnnlab.grading.untrusted import InvalidSubmission

CANVAS = re.compile(
    r"(?P<name>anon|.+?)_(?:(?P<late>late)_)?(?P<id>\d+|(?<=anon_)\w{5}|(?<=anon_late_)\w{5})"
    r"_(?:(?P<file>\d+)_(?P<rest>.+)|(?P<text>(?:text|link)\.html))",
    re.I | re.S,
)
MOODLE = re.compile(
    r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<rest>.*))?", re.S
)
METADATA, STAMP = "submission_metadata.yml", "timestamp.txt"
WORKSHEET = ("Identifier", "Last modified (submission)")
WORKSHEET_TIMES = ("%d %B %Y, %I:%M %p", "%B %d, %Y, %I:%M %p", "%d %B %Y, %H:%M", "%B %d, %Y, %H:%M")
MAX_STAMP = 100  # bytes of a time in a file


@dataclass(frozen=True)
class HandIn:
    """What one student handed in, as the platform tells it.

    `key` tells it from all others of the download; `name` is the student's as it is written there, `ids` what may be a login;
    `files` are (path in the student's folder, file); `submitted` is an ISO time, "" if the platform says none; `late` is its mark.
    """

    key: str
    name: str
    files: tuple[tuple[str, ArchivedFile], ...]
    ids: tuple[str, ...] = ()
    address: str = ""
    submitted: str = ""
    late: bool = False
    notes: tuple[str, ...] = field(default=())


Read = tuple[list[HandIn], list[str]]  # the hand-ins, and a line for each file that belongs to none


def recognise(files: list[ArchivedFile], assignment: str, platform: str | None = None) -> tuple[str, Read]:
    """The platform from which these files are, and what was handed in; one folder around all of them does not matter.

    Raises
    ------
    ValueError
        If no platform or more than one has such files.
    """
    if platform:
        one_of(platform, PLATFORMS, "platform")
    for _ in range(3):
        found = {
            name: read(files, assignment) for name, read in PLATFORMS.items() if platform in (None, name)
        }
        found = {name: read for name, read in found.items() if read[0]}
        if len(found) == 1:
            ((name, (hand_ins, left)),) = found.items()
            return name, (_told_apart(hand_ins), left)
        if found:
            raise ValueError(
                f"the files lie as in {' and '.join(found)}: say --platform. For nbgrader, {STAMP} beside a notebook is the"
                " exchange's time; in homes of JupyterHub it is the student's own."
            )
        if len({file.path.split("/")[0] for file in files}) != 1 or not all(
            "/" in file.path for file in files
        ):
            break
        files = [replace(file, path=file.path.partition("/")[2]) for file in files]
    raise ValueError(
        f"this is no download of {platform or ', '.join(PLATFORMS)}; for a folder of notebooks `cnnlab grade` needs no collecting."
    )


def _told_apart(hand_ins: list[HandIn]) -> list[HandIn]:
    """The same with names that can stand in a table, and each with a key of its own."""
    keys: set[str] = set()
    for number, hand_in in enumerate(hand_ins):
        key = untrusted.line(untrusted.name(hand_in.key), 300)
        key = f"{key} [{number}]" if key in keys or not key else key
        keys.add(key)
        name = untrusted.line(untrusted.name(hand_in.name), 200) or key
        hand_ins[number] = replace(hand_in, key=key, name=name)
    return hand_ins


def canvas(files: list[ArchivedFile], assignment: str) -> Read:
    """Canvas: files of one folder whose names have the student, the mark and the numbers."""
    parts: dict[str, list[tuple[re.Match[str], ArchivedFile]]] = {}
    left = []
    for file in files:
        found = CANVAS.fullmatch(file.path)
        if found and "/" not in file.path and "_assignsubmission_" not in file.path:
            parts.setdefault(f"{found['name']}_{found['id']}", []).append((found, file))
        else:
            left.append(f"{file.path}: not named as Canvas names files")
    hand_ins = []
    for key, own in parts.items():
        own.sort(key=lambda pair: int(pair[0]["file"] or 0))  # attachments are numbered as they come
        placed = tuple(
            (found["rest"] or found["text"], replace(file, modified=file.modified + number))
            for number, (found, file) in enumerate(own)
        )
        late = any(found["late"] for found, _ in own)
        hand_ins.append(HandIn(key, own[0][0]["name"], placed, (own[0][0]["id"],), late=late))
    return hand_ins, left


def moodle(files: list[ArchivedFile], assignment: str) -> Read:
    """Moodle: a folder for each student and kind, or flat files with the same beginning."""
    placed: dict[tuple[str, str], list[tuple[str, ArchivedFile]]] = {}
    left = []
    for file in files:
        first, _, rest = file.path.partition("/")
        if found := MOODLE.fullmatch(first):
            own = rest or found["rest"] or found["kind"]
            placed.setdefault((found["name"], found["id"] or ""), []).append((own, file))
        else:
            left.append(f"{file.path}: not named as Moodle names files")
    return [
        HandIn(f"{name}_{number}", name, tuple(own), (f"Participant {number}",))
        for (name, number), own in placed.items()
    ], left


def with_worksheet(hand_ins: list[HandIn], path: Path) -> tuple[list[HandIn], list[str]]:
    """Moodle's hand-ins with times, ID numbers and addresses from its grading worksheet, and a line for each time that is not understood.

    Times are on the clock of this machine, as the worksheet names no zone.
    """
    _, rows = read_table(path, WORKSHEET)
    by_participant = {row["Identifier"]: (line, row) for line, row in rows}
    known, lines = [], []
    for hand_in in hand_ins:
        line, row = by_participant.get(hand_in.ids[0], (0, {}))
        text = row.get(WORKSHEET[1], "-")
        submitted = _worksheet_time(text)
        if text not in ("", "-") and not submitted:
            lines.append(f"{path}: line {line}: the time {text!r} is not understood; {hand_in.name} has none")
        ids = tuple(filter(None, (row.get("ID number"), row.get("Username"), row.get("Email address"))))
        known.append(replace(hand_in, ids=ids, address=row.get("Email address", ""), submitted=submitted))
    return known, lines


def _worksheet_time(text: str) -> str:
    for pattern in WORKSHEET_TIMES:
        for day in ("%A, ", ""):
            try:
                return datetime.strptime(text, day + pattern).astimezone().isoformat()
            except ValueError:
                continue
    return ""


def gradescope(files: list[ArchivedFile], assignment: str) -> Read:
    """Gradescope: a folder for each submission, told by the metadata."""
    metadata = next((file for file in files if file.path == METADATA), None)
    if metadata is None:
        return [], []
    told = _metadata(metadata)
    placed: dict[str, list[tuple[str, ArchivedFile]]] = {}
    left = []
    for file in files:
        folder, _, rest = file.path.partition("/")
        if rest and folder in told:
            placed.setdefault(folder, []).append((rest, file))
        elif file is not metadata:
            left.append(f"{file.path}: {METADATA} does not name its folder")
    left += [f"{folder}: {METADATA} names it, and it is not there" for folder in told if folder not in placed]
    return [_gradescope_hand_in(folder, told[folder], tuple(own)) for folder, own in placed.items()], left


class _Loader(yaml.SafeLoader):
    """Plain values alone; Ruby's own types, which some exports have, are read as the plain values in them."""


_Loader.add_multi_constructor(
    "!ruby/",
    lambda loader, _tag, node: loader.construct_mapping(node) if isinstance(node, yaml.MappingNode) else None,
)


def _metadata(file: ArchivedFile) -> dict[str, dict[str, Any]]:
    try:
        told = yaml.load(file.read().decode("utf-8", "replace"), Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidSubmission(METADATA, f"it cannot be read: {untrusted.line(str(error), 300)}") from None
    return (
        {str(folder): one for folder, one in told.items() if isinstance(one, dict)}
        if isinstance(told, dict)
        else {}
    )


def _gradescope_hand_in(
    folder: str, told: dict[str, Any], files: tuple[tuple[str, ArchivedFile], ...]
) -> HandIn:
    people = [one for one in told.get(":submitters") or [] if isinstance(one, dict)]
    first, *others = people or [{}]
    texts = {key: untrusted.line(str(first.get(key) or ""), 200) for key in (":name", ":sid", ":email")}
    said = told.get(":created_at")
    said = (said.get("utc") or said.get("time")) if isinstance(said, dict) else said
    when = said.replace(tzinfo=said.tzinfo or UTC).isoformat() if isinstance(said, datetime) else ""
    with_whom = ", ".join(untrusted.line(str(one.get(":name") or one.get(":sid")), 100) for one in others)
    notes = (f"handed in together with {with_whom}",) if others else ()
    if said and not when:
        notes += (f"the time {untrusted.line(str(said), 100)!r} is not understood, so none is known",)
    ids = tuple(filter(None, (texts[":sid"], texts[":email"])))
    return HandIn(folder, texts[":name"] or folder, files, ids, texts[":email"], when, notes=notes)


def nbgrader(files: list[ArchivedFile], assignment: str) -> Read:
    """What `nbgrader collect` made: the exchange's time is the `timestamp.txt` beside the notebook, and none that lies deeper."""
    placed, left = _by_student(files, assignment)
    hand_ins = []
    for student, own in placed.items():
        stamp = own.pop(STAMP, None)
        submitted = _stamp(stamp) if stamp else ""
        if not submitted:
            left.append(f"{student}: there is no {STAMP} with a time as nbgrader writes it")
        if own:
            hand_ins.append(HandIn(student, student, tuple(own.items()), submitted=submitted))
        else:
            left.append(f"{student}: there is no file but {STAMP}")
    return hand_ins, left


def _stamp(file: ArchivedFile) -> str:
    try:
        text = untrusted.line(file.read()[:MAX_STAMP].decode("utf-8", "replace"))
        when = datetime.fromisoformat(re.sub(r" (UTC|GMT)$", "+00:00", text))
    except ValueError:  # of the time, or of reading it
        return ""
    return when.replace(tzinfo=when.tzinfo or UTC).isoformat()


def jupyterhub(files: list[ArchivedFile], assignment: str) -> Read:
    """Homes of students, each with a folder of the assignment's name; the time is that of the newest notebook."""
    placed, left = _by_student(files, assignment)
    hand_ins = []
    for student, own in placed.items():
        newest = max((file.modified for path, file in own.items() if path.endswith(".ipynb")), default=0)
        when = datetime.fromtimestamp(newest, UTC).isoformat() if newest else ""
        hand_ins.append(HandIn(student, student, tuple(own.items()), submitted=when))
    return hand_ins, [*left, "the times are those of the files, which students can set"]


def _by_student(
    files: list[ArchivedFile], assignment: str
) -> tuple[dict[str, dict[str, ArchivedFile]], list[str]]:
    """The files in each student's folder of the assignment, by their path in it; those of other assignments are no trouble."""
    placed: dict[str, dict[str, ArchivedFile]] = {}
    left = []
    for file in files:
        student, *inner = file.path.split("/")
        if len(inner) > 1 and inner[0] == assignment:
            placed.setdefault(student, {})["/".join(inner[1:])] = file
        elif len(inner) < 2:
            left.append(f"{file.path}: not in a student's folder of an assignment")
    return placed, left


PLATFORMS: dict[str, Callable[[list[ArchivedFile], str], Read]] = {
    "canvas": canvas,
    "moodle": moodle,
    "gradescope": gradescope,
    "nbgrader": nbgrader,
    "jupyterhub": jupyterhub,
}
