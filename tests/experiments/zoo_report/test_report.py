"""The report measures what it says, and the shipped networks pass the bars that are reached."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cnnlab.experiments import zoo_report
from cnnlab.experiments.zoo_report import ROWS, ReportRow
from cnnlab.experiments.zoo_report.report import REPORT_FILE, report_lines, stored_rows, write
from cnnlab.networks import weight_files

QUICK = ("filters", "dead filters")
"""Rows that are computed anew here."""
MISSED = {"pointing", "bridge", "detectors", "adversarial", "shape bias"}
"""Bars that the networks do not reach; the page beside the weights says by how much."""


@pytest.fixture
def two_rows(monkeypatch):
    good = ReportRow("a phenomenon", "at least 0.5", {"measured": 0.75}, True)
    bad = ReportRow("another", "at most 0.1", {"measured": 0.2, "beside": 1.0}, False)
    monkeypatch.setitem(ROWS, "good", lambda: good)
    monkeypatch.setitem(ROWS, "bad", lambda: bad)
    return ["good", "bad"]


def test_the_rows_that_are_asked_for_are_computed_in_their_order(two_rows):
    found = zoo_report.report(two_rows, progress=False)
    assert list(found) == two_rows and found["good"].values == {"measured": 0.75}


def test_each_row_is_told_with_its_numbers_and_its_bar(two_rows):
    good, bad = report_lines(zoo_report.report(two_rows, progress=False).values())
    assert good.startswith("holds") and "measured 0.75" in good and "at least 0.5" in good
    assert bad.startswith("FAILS") and "beside 1" in bad


def test_the_report_can_be_kept_as_json(two_rows, tmp_path):
    write(zoo_report.report(two_rows, progress=False), tmp_path / "report.json")
    kept = json.loads((tmp_path / "report.json").read_text())
    assert set(kept["weights"]) == set(weight_files.shipped())
    assert kept["rows"]["bad"] == {
        "phenomenon": "another",
        "criterion": "at most 0.1",
        "values": {"measured": 0.2, "beside": 1.0},
        "passed": False,
    }


def test_a_row_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match="pointing"):
        zoo_report.report(["pointign"])


@pytest.mark.parametrize("name", ROWS)
def test_the_shipped_networks_pass_their_bars(name):
    """By the report that is kept beside the weights, which is refused if it was measured on others."""
    row = stored_rows()[name]
    assert row.passed == (name not in MISSED), report_lines([row])


@pytest.mark.parametrize("name", QUICK)
def test_the_kept_report_is_what_one_measures(name):
    row, kept = zoo_report.report([name], progress=False)[name], stored_rows()[name]
    assert (row.phenomenon, row.criterion, row.passed) == (kept.phenomenon, kept.criterion, kept.passed)
    assert row.values == pytest.approx(kept.values, abs=0.01)


def test_a_report_on_other_weights_is_refused(monkeypatch, tmp_path):
    kept = json.loads(REPORT_FILE.read_text())
    kept["weights"]["mini_vgg"] = "0" * 64
    (tmp_path / "report.json").write_text(json.dumps(kept))
    monkeypatch.setattr(sys.modules[stored_rows.__module__], "REPORT_FILE", tmp_path / "report.json")
    with pytest.raises(ValueError, match="other weights of mini_vgg"):
        stored_rows()


def test_the_readme_quotes_the_report():
    """The figures of mini_alexnet in the README are those of the kept report, to the last digit."""
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    pointing, attacked = stored_rows()["pointing"].values, stored_rows()["adversarial"].values
    for method in ("occlusion", "Grad-CAM", "smoothed gradient", "centre of the picture"):
        assert f"{method} {pointing[method]:.3f}" in readme
    for network in ("plain", "robust"):
        assert f"{attacked[network]:.3f} and {attacked[f'{network}, at 8/255']:.3f}" in readme
    assert f"{weight_files.card('mini_alexnet')['accuracy']:.1%}".replace("%", " %") in readme
    bridge = stored_rows()["bridge"].values
    assert f"{bridge['accuracy']:.1%}".replace("%", " %") in readme
    for method in ("occlusion", "Grad-CAM", "smoothed gradient", "centre of the picture"):
        assert f"{method} {bridge[method]:.3f}" in readme
