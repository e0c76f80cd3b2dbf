"""The report measures what it says, and the shipped networks pass the bars that are reached."""

from __future__ import annotations

import json

import pytest

from cnnlab import judging
from cnnlab.judging import ROWS, Row
from cnnlab.judging.report import lines, write

REACHED = ("confidence", "filters", "dead filters", "neighbours")


@pytest.fixture
def two_rows(monkeypatch):
    good = Row("a phenomenon", "at least 0.5", {"measured": 0.75}, True)
    bad = Row("another", "at most 0.1", {"measured": 0.2, "beside": 1.0}, False)
    monkeypatch.setitem(ROWS, "good", lambda: good)
    monkeypatch.setitem(ROWS, "bad", lambda: bad)
    return ["good", "bad"]


def test_the_rows_that_are_asked_for_are_computed_in_their_order(two_rows):
    found = judging.report(two_rows, progress=False)
    assert list(found) == two_rows and found["good"].found == {"measured": 0.75}


def test_each_row_is_told_with_its_numbers_and_its_bar(two_rows):
    good, bad = lines(judging.report(two_rows, progress=False).values())
    assert good.startswith("holds") and "measured 0.75" in good and "at least 0.5" in good
    assert bad.startswith("FAILS") and "beside 1" in bad


def test_the_report_can_be_kept_as_json(two_rows, tmp_path):
    write(judging.report(two_rows, progress=False), tmp_path / "report.json")
    kept = json.loads((tmp_path / "report.json").read_text())
    assert kept["bad"] == {
        "what": "another",
        "bar": "at most 0.1",
        "found": {"measured": 0.2, "beside": 1.0},
        "holds": False,
    }


def test_a_row_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match="pointing"):
        judging.report(["pointign"])


@pytest.mark.parametrize("name", REACHED)
def test_mini_alexnet_passes_its_bars(name):
    row = judging.report([name], progress=False)[name]
    assert row.holds, lines([row])
