"""The command line: quick help, JupyterLab on the right notebook, training as asked, errors in one line."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import types
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cnnlab
from cnnlab import cli

SCRIPT = Path(sys.executable).with_name("cnnlab")


def cnnlab_command(*arguments: str):
    return CliRunner().invoke(cli.app, list(arguments), prog_name="cnnlab")


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """The commands that were to take the place of this process, which ends with them."""
    commands: list[list[str]] = []

    def take_the_place(command: list[str]) -> None:
        commands.append(command)
        raise SystemExit(0)

    monkeypatch.setattr(cli, "exec_process", take_the_place)
    return commands


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder that has the kit's first notebook where the checkout has it, and folders beside it."""
    folder = tmp_path / "checkout"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "tests" / "networks").mkdir(parents=True)
    (folder / cli.FIRST_NOTEBOOK).write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    return folder


@pytest.fixture
def trained(monkeypatch) -> list[tuple[tuple, dict]]:
    """The calls that the training got, from a stand-in for the room that trains."""
    calls: list[tuple[tuple, dict]] = []
    room = types.ModuleType("cnnlab.networks.training")
    room.train = lambda *args, **options: calls.append((args, options))
    monkeypatch.setitem(sys.modules, "cnnlab.networks.training", room)
    return calls


def test_help_answers_quickly_and_without_torch():
    """The bar is 0.3 s of processor time, which does not depend on what else the machine is doing."""
    code = "import sys; from cnnlab.cli import app; app(['--help'], standalone_mode=False); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "doctor" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
    seconds = []
    for _ in range(5):
        before = os.times()
        subprocess.run([SCRIPT, "--help"], capture_output=True, check=True, timeout=60)
        after = os.times()
        seconds.append(
            after.children_user - before.children_user + after.children_system - before.children_system
        )
    assert min(seconds) < 0.3


@pytest.mark.parametrize("command", [[], ["lab"], ["doctor"], ["train"]])
def test_every_command_explains_itself(command):
    done = cnnlab_command(*command, "--help")
    assert done.exit_code == 0
    assert "Usage: cnnlab" in done.output


def test_version_is_the_package_s():
    assert cnnlab_command("--version").output.strip() == f"cnnlab {cnnlab.__version__}"


def test_lab_opens_the_first_notebook_of_the_checkout_around_it(started, checkout, monkeypatch):
    monkeypatch.chdir(checkout / "tests" / "networks")
    assert cnnlab_command("lab").exit_code == 0
    (command,) = started
    assert command[0] == sys.executable
    assert command[command.index("-c") + 2] == "jupyterlab"
    assert f"--ServerApp.root_dir={checkout}" in command
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in command


def test_lab_finds_the_kit_s_checkout_from_anywhere(started, checkout, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.cnnlab, "__file__", str(checkout / "cnnlab" / "__init__.py"))
    assert cnnlab_command("lab").exit_code == 0
    assert f"--ServerApp.root_dir={checkout}" in started[0]


def test_lab_opens_a_notebook_of_the_reader_s_own(started, tmp_path):
    mine = tmp_path / "my first one.ipynb"
    mine.write_text("{}")
    assert cnnlab_command("lab", str(mine), "--no-browser").exit_code == 0
    assert f"--ServerApp.root_dir={tmp_path}" in started[0]
    assert "--LabApp.default_url=/lab/tree/my%20first%20one.ipynb" in started[0]
    assert started[0][-1] == "--no-browser"


def test_lab_hands_unknown_options_to_jupyterlab(started, checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    assert cnnlab_command("lab", "--no-browser", "--port=9999").exit_code == 0
    assert started[0][-2:] == ["--no-browser", "--port=9999"]


def test_lab_serves_the_page_that_it_names(checkout):
    """The real JupyterLab, on this machine alone: the address that it prints answers with its page."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = checkout / "log"
    with log.open("w") as stream:
        lab = subprocess.Popen(
            [SCRIPT, "lab", "--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"],
            cwd=checkout,
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        end = time.monotonic() + 60
        pattern = re.compile(
            rf"http://127\.0\.0\.1:{port}/lab/tree/notebooks/00_start_here\.ipynb\?token=\w+"
        )
        while not (found := pattern.search(log.read_text())):
            assert lab.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        page = None
        while page is None:  # the address is printed a moment before the server listens
            try:
                page = urllib.request.urlopen(found[0], timeout=30)
            except urllib.error.URLError:
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.1)
        with page:
            assert page.status == 200
            assert "JupyterLab" in page.read().decode()
    finally:
        lab.terminate()
        lab.wait(30)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no user numbers on this system")
@pytest.mark.parametrize(("user", "times"), [(0, 1), (1000, 0)])
def test_lab_runs_as_root_in_a_container_only(started, checkout, monkeypatch, user, times):
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(cli.os, "geteuid", lambda: user)
    cnnlab_command("lab")
    assert started[0].count("--allow-root") == times


def test_lab_says_what_to_do_where_the_notebook_is_missing(started):
    done = cnnlab_command("lab", "nowhere.ipynb")
    assert done.exit_code == 1
    assert "there is no notebook nowhere.ipynb" in done.stderr
    assert "Traceback" not in done.output
    assert not started


def test_lab_says_what_to_do_where_the_package_came_without_notebooks(started, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.cnnlab, "__file__", str(tmp_path / "site-packages" / "cnnlab" / "__init__.py"))
    done = cnnlab_command("lab")
    assert done.exit_code == 1
    assert "Get the cnnlab repository" in done.stderr
    assert not started


def test_train_hands_over_what_was_asked_for(trained, tmp_path):
    options = [
        "--epochs",
        "2",
        "--pictures",
        "300",
        "--out",
        str(tmp_path),
        "--fresh",
        "--threads",
        "1",
        "--seed",
        "5",
    ]
    assert cnnlab_command("train", "mini_alexnet", *options).exit_code == 0
    asked = {"epochs": 2, "pictures": 300, "out": tmp_path, "resume": False, "threads": 1, "seed": 5}
    assert trained == [(("mini_alexnet",), asked)]


def test_train_goes_on_by_default_and_leaves_the_plan_to_decide(trained):
    cnnlab_command("train", "mini_alexnet")
    ((_, asked),) = trained
    assert asked == {
        "epochs": None,
        "pictures": None,
        "out": None,
        "resume": True,
        "threads": None,
        "seed": 0,
    }


def test_train_refuses_an_unknown_network_in_one_line():
    done = cnnlab_command("train", "maxi_alexnet")
    assert done.exit_code == 1
    assert "mini_alexnet" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("wrong", [["--epochs", "0"], ["--pictures", "-3"], ["--threads", "many"]])
def test_train_refuses_numbers_that_mean_nothing(trained, wrong):
    done = cnnlab_command("train", "mini_alexnet", *wrong)
    assert done.exit_code == 2
    assert wrong[0] in done.stderr
    assert not trained


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("size must be positive"), "cnnlab: size must be positive"),
        (KeyError("no check 'x'"), "cnnlab: no check 'x'"),
        (
            ZeroDivisionError("division"),
            "cnnlab: ZeroDivisionError: division (`cnnlab --debug ...` shows where)",
        ),
        (RuntimeError(), "cnnlab: RuntimeError:  (`cnnlab --debug ...` shows where)"),
    ],
)
def test_errors_are_one_line_and_debug_shows_the_traceback(trained, monkeypatch, error, line):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(sys.modules["cnnlab.networks.training"], "train", fail)
    done = cnnlab_command("train", "mini_alexnet")
    assert (done.exit_code, done.stderr.strip()) == (1, line)
    assert cnnlab_command("--debug", "train", "mini_alexnet").exception is error


def test_an_interrupted_command_stops_with_the_shell_s_code(trained, monkeypatch):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["cnnlab.networks.training"], "train", interrupt)
    done = cnnlab_command("train", "mini_alexnet")
    assert (done.exit_code, done.stderr.strip()) == (130, "Stopped.")


def test_a_run_prints_the_beginning_of_what_is_long(monkeypatch):
    """The pictures of an atlas are hundreds of thousands of characters, and a sheet has a number for each unit."""
    rows = [{"network": "tiny", "gain": [1.25] * 256, "pictures": "x" * 300_000, "accuracy": 0.98765}]
    record = types.SimpleNamespace(rows=rows, summary=lambda: "one setting")
    monkeypatch.setattr(cnnlab.experiments, "run", lambda *_, **__: record)
    done = cnnlab_command("run", "anything")
    assert done.exit_code == 0 and len(done.output) < 600
    for part in ("network tiny, gain [1.25, 1.25", "... (300000 characters), accuracy 0.988", "one setting"):
        assert part in done.output
