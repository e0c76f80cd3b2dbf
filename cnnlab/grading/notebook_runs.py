"""Runs of whole notebooks in a fresh kernel with nbval, which compares their checked cells with the outputs that are stored."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

RUN = "import runpy, sys; sys.modules['rfc3987_syntax'] = None; runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"


def run_module(name: str) -> list[str]:
    """The beginning of a command that runs a module of Jupyter's or pytest, as `python -m name` does, but a second faster.

    That long jsonschema compiles a grammar of international addresses, which no notebook and no setting holds: it does without.
    """
    return [sys.executable, "-c", RUN, name]


def nbval(path: Path, cell_timeout: int = 300) -> subprocess.CompletedProcess[str]:
    """Run a notebook in a fresh kernel, `cell_timeout` seconds a cell, and compare its checked cells with the stored outputs."""
    command = [
        *run_module("pytest"),
        "--nbval-lax",
        "--nbval-current-env",
        f"--nbval-sanitize-with={Path(__file__).with_name('nbval_sanitize.ini')}",
        f"--nbval-cell-timeout={cell_timeout}",
        "--tb=short",
        "-q",
        "--color=no",
    ]
    idle = (f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "hypothesispytest", "anyio"))
    settings = ["-o", "addopts=", "-o", "filterwarnings=default"]
    return subprocess.run(
        [*command, *idle, *settings, str(path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
    )


def unstored_outputs(path: Path) -> list[str]:
    """Checked cells without stored outputs, which nbval would pass without a comparison."""
    import nbformat

    cells = nbformat.read(path, as_version=4).cells
    return [cell.id for cell in cells if cell.cell_type == "code" and _is_checked(cell) and not cell.outputs]


def _is_checked(cell: Any) -> bool:
    return "nbval-check-output" in cell.metadata.get("tags", []) or "# NBVAL_CHECK_OUTPUT" in cell.source
