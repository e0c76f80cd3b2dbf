"""Release of an assignment: the student version, and filled-in notebooks, from the instructor's source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnlab.grading.assignment import Assignment
from cnnlab.grading.public_tests import FILE, write_checks
from cnnlab.grading.source_notebook import MARKS, with_answer, without_solution
from cnnlab.grading.whole_files import write_whole


def release(assignment: Assignment, folder: Path | None = None, *, run: bool = True) -> Path:
    """Write the student version and the public tests into `folder`, by default the assignment's own; returns the notebook's path.

    Solutions become stubs, hidden tests, mark schemes and outputs are removed, given cells are locked. With `run`, the notebook is run
    once, so that students see the pictures that do not depend on their answers. Files are written atomically.

    Raises
    ------
    ValueError
        If the marks of a solution, a hidden test or a mark scheme are not closed, or misspelt; then nothing is written.
    RuntimeError
        If the student version does not run.
    """
    folder = folder or assignment.folder
    notebook = student_version(assignment)
    folder.mkdir(parents=True, exist_ok=True)
    write_checks(assignment, folder / FILE)
    if run:
        notebook = _execute(notebook, folder)
    path = folder / f"{assignment.name}.ipynb"
    write(notebook, path)
    return path


def student_version(assignment: Assignment) -> Any:
    """The student version as a notebook."""
    notebook = _source(assignment)
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        kinds = {"written": cell.cell_type != "code", "answer": bool(marks.get("solution"))}
        cell.source = without_solution(cell.source, **kinds)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        elif "attachments" in cell:  # only those that are still shown, not the solution's or a marker's
            shown = {
                name: kept for name, kept in cell.attachments.items() if f"attachment:{name}" in cell.source
            }
            cell.attachments = shown
        if marks.get("locked") or (marks.get("grade") and not marks.get("solution")):
            cell.metadata |= {"editable": False, "deletable": False}
        elif marks.get("solution"):
            cell.metadata["deletable"] = False
    return notebook


def with_answers(assignment: Assignment, answers: dict[str, str] | None = None) -> Any:
    """The student version with `answers` in their cells; by default with the source's own solutions."""
    notebook, solutions = student_version(assignment), _source(assignment)
    for cell, original in zip(notebook.cells, solutions.cells, strict=True):
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            continue
        if answers is None:
            cell.source = original.source if cell.cell_type == "code" else MARKS.sub("", original.source)
        elif name in answers and cell.cell_type != "code":
            cell.source = answers[name]
        elif name in answers:
            cell.source = with_answer(assignment.answer_cell(name), answers[name])
    return notebook


def write(notebook: Any, path: Path) -> None:
    """Write a notebook, whole or not at all."""
    import nbformat

    write_whole(path, nbformat.writes(notebook) + "\n")


def _source(assignment: Assignment) -> Any:
    import nbformat

    notebook = nbformat.read(assignment.instructor / "source.ipynb", as_version=4)
    notebook.metadata["cnnlab"] = {"assignment": assignment.name}
    return _without_traces(notebook)


def _execute(notebook: Any, folder: Path) -> Any:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise RuntimeError(f"the student version does not run: {error.ename}: {error.evalue}") from None
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = _merge_streams(cell.outputs)
    return _without_traces(notebook)


def _without_traces(notebook: Any) -> Any:
    """The notebook without what the kernel that ran it has left in the metadata."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def _merge_streams(outputs: list[Any]) -> list[Any]:
    """Merge consecutive pieces of one output stream."""
    merged: list[Any] = []
    for output in outputs:
        if merged and output.output_type == "stream" and merged[-1].get("name") == output.name:
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged
