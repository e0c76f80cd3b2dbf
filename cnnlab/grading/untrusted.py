"""Everything that comes from outside: bytes of a notebook, names of files, frames and remarks from the sandbox.

All of it is decoded, normalised, bounded and cleaned here, in time and memory that grow at most linearly with its size. What cannot
be used raises `InvalidSubmission`, which concerns one submission and names it; no other exception comes from here.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cnnlab.grading.sandbox.wire_format import FrameError, UnknownValue, decode

MAX_BYTES = 64 * 2**20  # of a notebook file
MAX_VALUES = 1_000_000  # strings, lists, objects and commas in its JSON
MAX_CELLS = 2_000
MAX_CELL = 100_000  # characters of a cell
MAX_CODE = 300_000  # characters of all code cells together
MAX_TEXT = 20_000  # characters of a text cell; what goes beyond is left out
MAX_PICTURES = 8  # of a cell
MAX_PIXELS = 4_000_000  # of a picture, before it is decoded
MAX_SIDE = 1200  # of a picture as it is kept

# A string, also one that is cut off, or a character that begins another value. It never fails after a quote, so it is linear.
VALUE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{,]', re.S)
TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
TURNING = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)  # hides text, or turns its direction
INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)  # some also turn the line round
OTHER_FILES = (
    ((b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{"), "it is text in UTF-16; a notebook is saved in UTF-8"),
    ((b"PK\x03\x04",), "it is a ZIP archive or an office document, not a notebook"),
    ((b"%PDF",), "it is a PDF, not a notebook; hand in the .ipynb file itself"),
    ((b"<",), "it is a web page (HTML or XML), not a notebook; hand in the .ipynb file itself"),
    (
        (b"#", b"import ", b"from ", b"def ", b'"""'),
        "it is a Python script (.py), not a notebook; hand in the .ipynb file",
    ),
)


class InvalidSubmission(ValueError):
    """What one submission holds cannot be used: `name` says whose it is, `reason` why; the others are not concerned."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


@dataclass(frozen=True)
class SubmittedCell:
    """A cell of a submission: number in the notebook, nbgrader id (None without one), text, whether it is a test cell.

    `is_text` tells a text cell from code, `cell_id` is the notebook's own id, and `pictures` are those in it, not yet decoded, as
    pairs of their description and base64.
    """

    number: int
    grade_id: str | None
    source: str
    is_test: bool = False
    is_text: bool = False
    cell_id: str = ""
    pictures: tuple[tuple[str, str], ...] = ()


def text(value: Any, limit: int) -> str:
    """At most `limit` characters of a text, with lone surrogates and control characters replaced; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    plain = TERMINAL_COLOUR.sub("", value[:limit]).replace("\r\n", "\n").replace("\r", "\n")
    return CONTROL.sub("\ufffd", plain)


def line(value: Any, limit: int = 1000) -> str:
    """A text on one line, so that it cannot look like several, without invisible characters; "" for what is no text."""
    return INVISIBLE.sub("", " ".join(text(value, limit).split()))


def visible(value: str) -> str:
    """The text with every character that hides text or turns its direction written out, as in ⟨U+202E⟩."""
    return TURNING.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", value)


def picture(encoded: str) -> bytes:
    """A PNG that is drawn anew from a student's PNG or JPEG, at most `MAX_SIDE` wide and high; b"" for any other file, or one too large."""
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(base64.b64decode(encoded, validate=False)), formats=["PNG", "JPEG"])
        if image.width * image.height > MAX_PIXELS:
            return b""
        image = image.convert("RGBA")
        image.thumbnail((MAX_SIDE, MAX_SIDE))
        white = Image.new("RGBA", image.size, "white")
        written = io.BytesIO()
        Image.alpha_composite(white, image).convert("RGB").save(written, "PNG")
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
    return written.getvalue()


def name(file_name: str) -> str:
    r"""A name that can be printed and stored: composed letters, and bytes that are not UTF-8 written as `\xfc`."""
    readable = os.fsencode(file_name).decode("utf-8", "backslashreplace")
    printable = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in readable
    )
    return unicodedata.normalize("NFC", printable)


def notebook(content: bytes, name: str) -> tuple[str | None, tuple[SubmittedCell, ...]]:
    """The assignment that a notebook names (None for none), and its cells of code and text.

    Raises
    ------
    InvalidSubmission
        If these bytes are no notebook, or one larger than the limits above.
    """
    try:
        parsed = _parse(content)
        return _assignment(parsed), tuple(_cells(parsed))
    except RecursionError:
        raise InvalidSubmission(name, "it is nested too deep, as in a recursion without end") from None
    except ValueError as error:
        raise InvalidSubmission(name, line(str(error))) from None


def value(frame: bytes) -> Any:
    """The value in a frame from the sandbox: plain, its texts cleaned, its whole numbers of at most 64 bits.

    Raises
    ------
    InvalidSubmission
        If the bytes are no frame.
    """
    try:
        return _clean(decode(frame))
    except FrameError as error:
        raise InvalidSubmission("what came back", str(error)) from None


def error_fields(error: Any) -> dict[str, str]:
    """The type and the message of an error in student code, "" for what is not there or no text."""
    fields = error if isinstance(error, dict) else {}
    return {"type": line(fields.get("type"), 100), "message": line(fields.get("message"), 4000)}


def remarks(value: Any) -> list[str]:
    """At most five remarks on a call, each on one line."""
    lines = [line(remark, 200) for remark in value[:5]] if isinstance(value, list) else []
    return list(filter(None, lines))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return text(value, len(value))
    if type(value) is int and not -(2**63) <= value < 2**64:
        return UnknownValue("whole number of more than 64 bits")
    if isinstance(value, UnknownValue):
        return UnknownValue(line(value.type, 80))
    if isinstance(value, list | tuple):
        return type(value)(map(_clean, value))
    if isinstance(value, dict):
        return {_clean(key): _clean(part) for key, part in value.items()}
    return value


def _parse(content: bytes) -> dict[str, Any]:
    """The JSON of a notebook, which is counted before it is built, since a value can take a hundred times its bytes."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES >> 20} MiB: clear the outputs, and hand it in again")
    start = content[:100].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start and not content.strip():
        raise ValueError("the file is empty")
    for beginnings, sentence in OTHER_FILES:
        if start.startswith(beginnings):
            raise ValueError(sentence)
    if sum(1 for _ in islice(VALUE.finditer(content), MAX_VALUES + 1)) > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES} values: clear the outputs, and hand it in again")
    try:
        parsed = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not text: byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(error.doc.rstrip()) - 1 or "Unterminated" in error.msg
        cut = " (the file seems to be cut off)" if at_end else ""
        raise ValueError(
            f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}{cut}"
        ) from None
    except ValueError:  # Python converts no longer ones
        raise ValueError("it holds a whole number of thousands of digits") from None
    if not isinstance(parsed, dict):
        raise ValueError("it is JSON, but not a notebook: there is no list of cells")
    return parsed


def _cells(parsed: dict[str, Any]) -> list[SubmittedCell]:
    sheets = [parsed] if "cells" in parsed else parsed.get("worksheets")  # sheets were before version 4
    if not isinstance(sheets, list):
        raise ValueError("it is JSON, but not a notebook: there is no list of cells")
    cells: list[Any] = []
    for sheet in sheets:
        part = sheet.get("cells", []) if isinstance(sheet, dict) else []
        if not isinstance(part, list):
            raise ValueError("it is JSON, but not a notebook: its cells are not a list")
        cells += part
    if len(cells) > MAX_CELLS:
        raise ValueError(f"it has {len(cells)} cells; at most {MAX_CELLS} are read")
    read = [_cell(number, cell) for number, cell in enumerate(cells, 1) if isinstance(cell, dict)]
    if sum(len(cell.source) for cell in read if not cell.is_text) > MAX_CODE:
        raise ValueError(f"its code has more than {MAX_CODE} characters")
    return read


def _cell(number: int, cell: dict[str, Any]) -> SubmittedCell:
    is_text = cell.get("cell_type") != "code"
    source = _joined(cell.get("source", cell.get("input", "")))
    if source is None and not is_text:
        raise ValueError(f"the code of cell {number} is not text")
    source = source or ""
    if len(source) > MAX_CELL and not is_text:
        raise ValueError(f"cell {number} has {len(source)} characters of code; at most {MAX_CELL} are read")
    marks = _entry(cell, "metadata", "nbgrader")
    grade_id, is_test = (
        _entry(marks, "grade_id"),
        bool(_entry(marks, "grade")) and not _entry(marks, "solution"),
    )
    return SubmittedCell(
        number,
        line(grade_id, 200) if isinstance(grade_id, str) else None,
        text(source, MAX_TEXT if is_text else MAX_CELL),
        is_test and not is_text,
        is_text,
        line(cell.get("id"), 200),
        tuple(islice(_pictures(cell), MAX_PICTURES)),
    )


def _pictures(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The pictures, as PNG or JPEG, among the outputs and the attachments of a cell."""
    outputs, attachments = cell.get("outputs"), cell.get("attachments")
    bundles = [_entry(output, "data") for output in outputs] if isinstance(outputs, list) else []
    bundles += list(attachments.values()) if isinstance(attachments, dict) else []
    for bundle in bundles[: 10 * MAX_PICTURES]:
        if encoded := _joined(_entry(bundle, "image/png") or _entry(bundle, "image/jpeg")):
            yield line(_joined(_entry(bundle, "text/plain")), 300), encoded


def _joined(value: Any) -> str | None:
    """A text that a notebook may also hold as a list of its lines; None for what is neither."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "".join(value)
    return value if isinstance(value, str) else None


def _assignment(parsed: dict[str, Any]) -> str | None:
    assignment = _entry(parsed, "metadata", "cnnlab", "assignment")
    return line(assignment, 200) if isinstance(assignment, str) else None


def _entry(value: Any, *keys: str) -> Any:
    """The entry below these keys; None where there is none, or something else than a dictionary is in the way."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
