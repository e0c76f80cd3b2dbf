"""CSV tables in and out: no cell that is written is a formula, and what is read is bounded, cleaned, and named by its line when wrong."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from cnnlab.grading import untrusted
from cnnlab.grading.untrusted import InvalidSubmission

MAX_BYTES = 16 * 2**20  # of a table
FORMULA = ("=", "+", "-", "@", "|", "%")
SEPARATOR = re.compile("([;\t\r\n])")  # where another program may take a new cell to begin
NOT_SEEN = ("Cf", "Cc", "Zs")  # categories of characters: invisible, control, blank


def table(head: list[str], lines: Iterable[list]) -> str:
    """A CSV table in which no cell is read as a formula, also where semicolons or tabs separate the cells."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(map(escape_formula, head))
    for line in lines:
        writer.writerow([escape_formula(cell) if isinstance(cell, str) else cell for cell in line])
    return written.getvalue()


def escape_formula(cell: str) -> str:
    """The cell with an apostrophe before what begins like a formula, also after blanks, a semicolon, invisible or in full width.

    One that has an apostrophe there gets another, so that `read_table` can tell which is its own.
    """
    first, *rest = SEPARATOR.split(cell)
    if rest and not first.strip("'"):
        first = f"'{first}"
    return "".join(f"'{part}" if _begins_a_formula(part) else part for part in (first, *rest))


def _begins_a_formula(text: str) -> bool:
    visible = "".join(letter for letter in text if unicodedata.category(letter) not in NOT_SEEN)
    return unicodedata.normalize("NFKC", visible).lstrip("\"' ").startswith(FORMULA)


def read_table(
    path: Path, needed: Iterable[str], *, also: str | None = None
) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The columns of a table, and its rows with the number of the line: cells are one line each, and composed (NFC).

    Separated by commas, semicolons or tabs, in UTF-8 (or UTF-16 with its mark, as Excel's "Unicode text"). `also` is a regular
    expression for the columns that there may be beside those `needed`; None allows all.

    Raises
    ------
    InvalidSubmission
        If it is no such table: the message has the file, the line, what was expected and what came. It is a ValueError.
    FileNotFoundError
        If there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no table {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise InvalidSubmission(str(path), f"a table has at most {MAX_BYTES >> 20} MiB")
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidSubmission(str(path), f"line {line} is not UTF-8; save it as CSV in UTF-8") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines, begins = [], 1  # where a row begins; it may go over several lines
    try:
        head = [untrusted.line(cell) for cell in next(rows, [])]
        _check_head(path, head, set(needed), also)
        begins = rows.line_num + 1
        for cells in rows:
            if any(cells):
                lines.append((begins, _row(path, begins, head, cells)))
            begins = rows.line_num + 1
    except csv.Error as error:
        raise InvalidSubmission(str(path), f"line {begins}: {error}") from None
    return head, lines


def _check_head(path: Path, head: list[str], needed: set[str], also: str | None) -> None:
    if not needed <= set(head):
        wanted, found = ", ".join(sorted(needed)), ", ".join(head) or "nothing"
        raise InvalidSubmission(str(path), f"line 1 names the columns; needed are {wanted}, it has {found}")
    for column in head:
        if head.count(column) > 1:
            raise InvalidSubmission(str(path), f"line 1 has the column {column!r} twice")
        if also is not None and column not in needed and not re.fullmatch(also, column):
            raise InvalidSubmission(str(path), f"line 1 has an unknown column {column!r}")


def _row(path: Path, line: int, head: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(head):
        raise InvalidSubmission(str(path), f"line {line} has {len(cells)} cells; line 1 has {len(head)}")
    return {column: _plain(cell) for column, cell in zip(head, cells, strict=True)}


def _plain(cell: str) -> str:
    """A cell without the apostrophes that keep a formula text, where they are those of `escape_formula`."""
    cell = unicodedata.normalize("NFC", untrusted.line(cell, 4000))
    first, *rest = SEPARATOR.split(cell)
    if rest and first and not first.strip("'"):
        first = first[1:]
    plain = "".join(
        part[1:] if part.startswith("'") and _begins_a_formula(part) else part for part in (first, *rest)
    )
    return plain if escape_formula(plain) == cell else cell
