"""`make` builds the environment once, notices what changed or broke, and says what to do.

pip is replaced by `echo pip`, so nothing is fetched: what is tested is when the Makefile installs, not what.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None, reason="no make here: environment.yml is the way"
)


@pytest.fixture
def clone(tmp_path) -> Path:
    """A folder with a blank in its name and what `make environment` reads."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


FROM_MAKE = {"ARGS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS"}
"""What the make that runs these tests hands on to those that it starts."""


def make(folder: Path, *arguments: str, pip: str = "echo pip") -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments, f"PYTHON={sys.executable}", f"PIP={pip}"]
    of_its_own = {name: value for name, value in os.environ.items() if name not in FROM_MAKE}
    return subprocess.run(
        command,
        cwd=folder,
        env=of_its_own,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def test_environment_is_built_once_and_mended_when_something_changes(clone):
    first = make(clone, "environment")
    assert first.returncode == 0, first.stderr
    assert "Making .venv with Python 3." in first.stdout
    assert "pip install --no-deps -r requirements.lock" in first.stdout
    assert "pip install --no-deps --no-build-isolation --quiet -e ." in first.stdout

    again = make(clone, "environment")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")

    with (clone / "requirements.lock").open("a") as lock:
        lock.write("# another pin\n")
    changed = make(clone, "environment")
    assert "pip install --no-deps -r requirements.lock" in changed.stdout
    assert "Making .venv" not in changed.stdout, "what fits is kept"
    assert make(clone, "environment").stdout == ""

    clone.rename(clone.with_name("moved"))
    moved = make(clone.with_name("moved"), "environment")
    assert "Making .venv" in moved.stdout, "an environment cannot be moved"


def test_an_installation_that_did_not_finish_is_noticed_and_starts_anew(clone):
    failed = make(clone, "environment", pip="false")
    assert failed.returncode != 0
    assert "stands" not in failed.stdout
    (clone / ".venv" / "half").write_text("left by the installation that was killed")
    mended = make(clone, "environment")
    assert mended.returncode == 0, mended.stderr
    assert "did not finish" in mended.stdout
    assert "Making .venv" in mended.stdout
    assert not (clone / ".venv" / "half").exists()
    assert make(clone, "environment").stdout == ""


def test_noise_of_the_machine_s_settings_is_left_out_and_errors_are_not(clone, tmp_path):
    pip = tmp_path / "pip"
    pip.write_text(
        "#!/bin/sh\necho 'WARNING: Location x is ignored:' >&2\necho 'ERROR: no such package' >&2\nexit 7\n"
    )
    pip.chmod(0o755)
    failed = make(clone, "environment", pip=str(pip))
    assert failed.returncode != 0
    assert "ERROR: no such package" in failed.stderr
    assert "is ignored" not in failed.stderr


def test_no_fitting_python_is_said_with_what_to_do(clone, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "sh", "cat", "cksum", "grep", "make"):
        (tools / name).symlink_to(shutil.which(name))
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")  # too old: it fails the question
    (tools / "python3").chmod(0o755)
    done = subprocess.run(
        ["make", "environment"],
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": str(tools)},
    )
    assert done.returncode != 0
    assert "cnnlab needs Python 3.11 or newer" in done.stderr
    assert not (clone / ".venv").exists()


def test_make_alone_lists_the_commands(clone):
    listed = make(clone).stdout
    assert {"lab", "test"} <= {line.split()[1] for line in listed.splitlines()}


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((), "-n 2 --dist worksteal --durations=10"),
        (("ARGS=tests/networks -k layers",), "tests/networks -k layers"),
    ],
)
def test_make_test_runs_every_test_or_those_that_are_named(clone, arguments, options):
    planned = make(clone, "--dry-run", "test", *arguments).stdout
    assert planned.splitlines()[-1] == f"exec .venv/bin/python -m pytest {options}"


def test_ci_script_is_bash_that_parses_and_may_be_run():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], timeout=30).returncode == 0
