"""Whatever a student hands in or the sandbox sends back is plain, clean and bounded behind the door, or refused with one error."""

from __future__ import annotations

import json
import os
import struct
import time
import tracemalloc
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_class import RIGHT, cell, hand_in, marks, notebook

from cnnlab.grading import source_analysis, untrusted
from cnnlab.grading.batch import Batch
from cnnlab.grading.cell_matching import match, mismatch_reason, runnable_cells
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.sandbox.wire_format import UnknownValue, encode
from cnnlab.grading.submissions import find, read
from cnnlab.grading.untrusted import InvalidSubmission

FORGED = "fine\ud800\x1b[2J\nanna: passed\u202e"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"worksheets": [{"cells": 5}]}, "its cells are not a list"),
        ({"worksheets": 5}, "no list of cells"),
        ({"cells": [{"cell_type": "code", "source": ["a", 5]}]}, "cell 1 is not text"),
        ({"cells": [cell("x" * 100_001)]}, "cell 1 has 100001 characters"),
        ({"cells": [cell("x" * 99_999)] * 4}, "more than 300000 characters"),
        ({"cells": [cell("")] * 2001}, "2001 cells"),
        (b"9" * 5000, "thousands of digits"),
        (json.dumps(notebook()).encode("utf-16"), "UTF-16"),
        (json.dumps(notebook()).encode("utf-16-be"), "UTF-16"),
        (b"<!doctype html><title>a1</title>", "a web page (HTML"),
        (b"import numpy as np\n", "a Python script (.py)"),
        (b"# %%\nx = 1\n", "a Python script (.py)"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_what_is_no_notebook_is_named_for_what_it_is(tmp_path, content, reason):
    assert reason in read(hand_in(tmp_path / "x.ipynb", content)).error


def test_the_error_names_its_submission():
    with pytest.raises(InvalidSubmission, match=r"anna\.ipynb: the file is empty") as caught:
        untrusted.notebook(b"", "anna.ipynb")
    assert (caught.value.name, caught.value.reason) == ("anna.ipynb", "the file is empty")


@pytest.mark.parametrize("unit", [b"[],", b"{},", b'"",', b'"\\\\",', b'{"":'])
def test_sixty_megabytes_of_nothing_are_refused_before_they_are_built(unit):
    content = b'{"cells": [' + unit * (60 * 2**20 // len(unit))
    tracemalloc.start()  # the process's own peak would be that of the tests before
    try:
        started = time.process_time()
        with pytest.raises(InvalidSubmission, match="more than 1000000 values"):
            untrusted.notebook(content, "x")
        assert time.process_time() - started < 5
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [b'"' + b'\\"' * 10**6, b"\\" * 10**6, b'{"cells": ["' + b"x" * 10**6, b" " * 10**6, b'"\\' * 10**6],
)
def test_a_string_that_never_ends_is_read_once(content):
    started = time.process_time()
    with pytest.raises(InvalidSubmission):
        untrusted.notebook(content, "x")
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "source",
    ["\n" * 24_000, " " * 99_000, "# \n" * 30_000, "def\n" * 20_000, "#question:" * 9_000, "x\n" * 40_000]
    + ["-" * 90_000 + "1", "1" + "+1" * 40_000, "a" + ".b" * 40_000, "(" * 90_000, "f" * 99_000 + "\n = 1"],
    ids=lambda source: repr(source[:9]),
)
def test_matching_takes_time_in_proportion_to_the_code(tiny, tmp_path, source):
    content = notebook()
    content["cells"].insert(1, cell(source))
    submission = read(hand_in(tmp_path / "x.ipynb", content))
    started = time.process_time()
    assert mismatch_reason(tiny, submission) == "" and len(match(tiny, submission)) == 3
    assert source_analysis.markers(source) is not None
    assert time.process_time() - started < 4


def test_each_of_many_cells_is_analysed_once(tiny, tmp_path, monkeypatch):
    content = notebook()
    content["cells"] += [cell(f"x{number} = [y{number} for y{number} in range(3)]") for number in range(1900)]
    submission, whole, parsed = read(hand_in(tmp_path / "x.ipynb", content)), source_analysis.parse, []
    monkeypatch.setattr(source_analysis, "parse", lambda source: parsed.append(source) or whole(source))
    source_analysis.normalised_ast.cache_clear()
    runnable_cells(tiny, submission, match(tiny, submission))
    most = max(Counter(parsed).values())
    assert len(set(parsed)) > 1900 and most < 5, f"{most} times"


def test_names_that_are_not_utf8_are_told_and_kept_apart(tmp_path):
    names = [b"M\xfcller.ipynb", "Müller.ipynb".encode(), b"a\nb.ipynb", b"\x1b[31mred.ipynb", b"\xfe"]
    for name in names[:-1]:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(json.dumps(notebook()).encode())
    folder = os.path.join(os.fsencode(tmp_path), names[-1])
    os.mkdir(folder)
    for name in (b"\xff.ipynb", b"old.ipynb"):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(json.dumps(notebook()).encode())
    found = find(tmp_path, "tiny")
    assert {one.student for one in found} == {
        "M\\xfcller",
        "Müller",
        "a\\nb",
        "\\x1b[31mred",
        "\\xfe",
    }
    assert all(not read(one.path).error for one in found)
    "".join(note for one in found for note in one.notes).encode()


def test_half_surrogates_and_controls_in_a_notebook_are_replaced(tmp_path):
    content = notebook() | {"metadata": {"cnnlab": {"assignment": "a\ud800"}}}
    content["cells"].append(cell("x = 1\r\n# \ud800\x1b[31m\f\n", marks("q\ud800")))
    submission = read(hand_in(tmp_path / "x.ipynb", content))
    assert submission.assignment == "a\ufffd"
    assert submission.cells[-1].grade_id == "q\ufffd"
    assert submission.cells[-1].source == "x = 1\n# \ufffd\f\n"


@pytest.mark.parametrize(
    "metadata", [{"cnnlab": 5}, {"cnnlab": {"assignment": 5}}, 5, None, {"kernelspec": 5}]
)
def test_a_number_where_a_name_is_expected_is_no_name(tmp_path, metadata):
    content = notebook() | {"metadata": metadata}
    content["cells"][1]["metadata"] = {"nbgrader": {"grade_id": 5, "grade": [], "solution": "no"}}
    submission = read(hand_in(tmp_path / "x.ipynb", content))
    assert submission.error == "" and submission.assignment is None and submission.cells[1].grade_id is None


def test_forged_remarks_and_errors_are_one_clean_line(grade, tmp_path):
    forging = (
        "from cnnlab.grading.sandbox import worker\n"
        f"FORGED = {FORGED!r}\n"
        "def triple(values):\n"
        "    import json, os, struct\n"
        "    for reply in ({'question': 0, 'case': 0, 'value': 1, 'remarks': [FORGED, 5, None]},\n"
        "                  {'question': 0, 'case': 1, 'error': {'type': FORGED, 'message': FORGED}}):\n"
        "        h = json.dumps(tree(reply)).encode()\n"
        "        os.write(4, b'v' + struct.pack('<4sIQ', b'cnf1', len(h), 0) + h)\n"
        "    return values\n"
        "def tree(value):\n"
        "    if isinstance(value, dict):\n"
        "        return {'k': 'dict', 'v': [[key, tree(part)] for key, part in value.items()]}\n"
        "    return {'k': 'list', 'v': value} if isinstance(value, list) else value"
    )
    result = grade(notebook(RIGHT | {"q1": forging}))
    question = result.questions[0]
    assert "fine\ufffd anna: passed" in question.notes
    assert question.cases[1].hint == "your code stopped with fine\ufffd anna: passed: fine\ufffd anna: passed"
    with Gradebook(tmp_path / "book.sqlite") as book:
        book.write("tiny", result, "x")
        assert book.result("tiny", "anna") == result


def test_whole_numbers_of_more_than_64_bits_are_no_numbers(grade):
    assert isinstance(untrusted.value(frame({"k": "list", "v": [2**64]}))[0], UnknownValue)
    assert untrusted.value(frame({"k": "list", "v": [2**64 - 1, -(2**63)]})) == [2**64 - 1, -(2**63)]
    result = grade(notebook(RIGHT | {"q3": "answer = 2 ** 65"}))
    assert result.questions[2].status == "failed" and "64 bits" in result.questions[2].cases[0].hint


def test_a_report_in_the_terminal_has_no_control_characters(tiny, grade, tmp_path):
    raising = f"def triple(values): raise ValueError({FORGED!r})"
    result = grade(notebook(RIGHT | {"q1": raising}))
    hints = [case.hint for case in result.questions[0].cases]
    assert hints[0] == "your code stopped with ValueError: fine? anna: passed"
    assert "\x1b" not in str(Batch({}, 1, 0, tuple(hints), "", 0, 0))


def frame(tree: object) -> bytes:
    header = json.dumps(tree).encode()
    return struct.pack("<4sIQ", b"cnf1", len(header), 0) + header


FUZZ = settings(
    max_examples=int(os.environ.get("CNNLAB_FUZZ", 300)),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(["code", "cells", "q1", FORGED])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(TEXTS, parts, max_size=4),
    max_leaves=12,
)


def some(*keys: str) -> st.SearchStrategy:
    """Dictionaries that have some of the keys, with any values."""
    return st.dictionaries(st.sampled_from(keys), JSON, max_size=len(keys))


CELLS = some("metadata", "source", "input").map(lambda parts: {"cell_type": "code"} | parts)
NOTEBOOKS = st.one_of(
    some("cells", "worksheets", "metadata"),
    st.fixed_dictionaries({"cells": st.lists(CELLS | JSON, max_size=4), "metadata": JSON}),
    st.fixed_dictionaries(
        {"worksheets": st.lists(st.fixed_dictionaries({"cells": JSON}) | JSON, max_size=3)}
    ),
    st.fixed_dictionaries(
        {"cells": st.just([]), "metadata": st.fixed_dictionaries({"cnnlab": some("assignment") | JSON})}
    ),
)


def is_clean(text: str) -> bool:
    return not untrusted.CONTROL.search(text) and text.encode().decode() == text


@FUZZ
@given(NOTEBOOKS, st.sampled_from(["utf-8", "utf-16", "latin-1"]), st.integers(0, 30))
def test_fuzzed_notebooks_are_read_or_refused(tiny, content, encoding, cut):
    data = json.dumps(content).encode(encoding)
    try:
        assignment, cells = untrusted.notebook(data[: len(data) - cut], "x")
    except InvalidSubmission:
        return
    assert is_clean(assignment or "")
    assert all(is_clean(part.source) and is_clean(part.grade_id or "") for part in cells)


@FUZZ
@given(st.binary(max_size=300) | JSON.map(lambda tree: json.dumps(tree).encode()))
def test_fuzzed_bytes_are_read_or_refused(content):
    for read_it in (untrusted.value, lambda data: untrusted.notebook(data, "x")):
        try:
            read_it(content)
        except InvalidSubmission:
            continue


TREES = st.recursive(
    JSON,
    lambda parts: st.fixed_dictionaries(
        {"k": st.sampled_from(["list", "tuple", "dict", "unknown", "float", "network", "array"])},
        optional={"v": st.lists(parts | st.lists(parts, max_size=2), max_size=3) | parts, "type": TEXTS},
    ),
    max_leaves=12,
)


@FUZZ
@given(TREES)
def test_fuzzed_frames_are_plain_or_refused(tree):
    try:
        value = untrusted.value(frame(tree))
    except InvalidSubmission:
        return
    encode(value)
    assert all(
        is_clean(part) for part in (*untrusted.remarks(value), *untrusted.error_fields(value).values())
    )


@FUZZ
@given(st.binary(min_size=1, max_size=255))
def test_fuzzed_names_can_be_printed_and_stored(name):
    name = untrusted.name(os.fsdecode(name))
    assert name and name.isprintable() and name.encode().decode() == name
