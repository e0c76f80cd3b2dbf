"""`cnnlab check`: the public tests on a notebook of one's own, in the terminal.

The notebook's code runs in this process with all of the reader's permissions: for one's own work, not for grading.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

from cnnlab.grading.public_tests import FILE, find_checks, first_hint, read_checks
from cnnlab.grading.submissions import read


def check_notebook(path: Path | None = None) -> Iterator[str]:
    """A line for each question of the assignment: passed, not attempted, or not yet with a hint.

    Parameters
    ----------
    path
        The notebook; by default the only one in this folder.

    Raises
    ------
    FileNotFoundError
        If there is no notebook, or no `checks.json` beside it.
    ValueError
        If there are several notebooks to choose from, or the notebook cannot be read.
    """
    path = path or _only_notebook()
    if not path.is_file():
        raise FileNotFoundError(f"there is no notebook {path}.")
    checks = find_checks(path.parent)
    if checks is None:
        raise FileNotFoundError(
            f"there is no {FILE} beside {path.name}; it comes with the assignment's notebook."
        )
    submission = read(path)
    if submission.error:
        raise ValueError(f"{path.name} cannot be read: {submission.error}.")
    names, errors = _run([cell.source for cell in submission.cells], path.parent)
    yield from errors
    for question in read_checks(checks):
        try:
            hint = first_hint(question, names)
        except NotImplementedError:
            yield f"{question.name}: not attempted"
        else:
            yield f"{question.name}: passed" if hint is None else f"{question.name}: not yet - {hint}"


def _run(sources: list[str], folder: Path) -> tuple[dict, list[str]]:
    """The names that the cells define, and a line for each cell that failed; printed output and figures are not shown."""
    import matplotlib

    from cnnlab.grading.sandbox import cell_runner

    matplotlib.use("Agg")
    names, errors, cwd = cell_runner.namespace(), [], Path.cwd()
    os.chdir(folder)
    try:
        for number, source in enumerate(sources, 1):
            try:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    cell_runner.run(source, f"<cell {number}>", names)
            except NotImplementedError:  # a stub was called
                pass
            except Exception as error:
                errors.append(f"code cell {number} stopped with {type(error).__name__}: {error}")
    finally:
        os.chdir(cwd)
    return names, errors


def _only_notebook() -> Path:
    notebooks = sorted(Path.cwd().glob("*.ipynb"))
    if not notebooks:
        raise FileNotFoundError(
            "there is no notebook here: go to the assignment's folder, or name the notebook."
        )
    if len(notebooks) > 1:
        names = ", ".join(path.name for path in notebooks)
        raise ValueError(f"there are several notebooks here; name the one to check: {names}.")
    return notebooks[0]
