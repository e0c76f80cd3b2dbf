"""Run notebooks anew and store their outputs as they are kept: `python tests/notebooks/execute.py notebooks/05_occlusion.ipynb ...`.

Outputs of all code cells are replaced; state of widgets, times and progress bars are left out, so that a second run changes nothing but
what the code has changed. The picture of an explorer that works in the background is taken when it has come to rest.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from cnnlab.saved_views import VIEW

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

SHOW_AT_REST = """from cnnlab.explorers.background import rest
await rest()
_"""


class Client(NotebookClient):
    """Runs a notebook's cells; an explorer that a cell ends with is shown once more when it rests, before the next cell begins."""

    async def async_execute_cell(self, cell, cell_index, *more, **options):
        cell = await super().async_execute_cell(cell, cell_index, *more, **options)
        for output in cell.get("outputs", ()):  # prose has none
            if output.output_type == "execute_result" and VIEW in output.data:
                again = await super().async_execute_cell(
                    new_code_cell(SHOW_AT_REST), cell_index, store_history=False
                )
                self.code_cells_executed -= 1
                (shown,) = again.outputs
                output.data, output.metadata = shown.data, shown.metadata
                self.nb.cells[cell_index] = cell
        return cell


def is_progress_bar(output) -> bool:
    """Whether an output is a bar of tqdm's, which stands there if pictures had to be drawn."""
    return "%|" in output.get("data", {}).get("text/plain", "")


def execute(path: Path) -> float:
    """Run the notebook at `path` and write it back; gives the seconds that it took."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    begun = time.perf_counter()
    Client(
        notebook,
        timeout=600,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,  # else a slow machine stores what one cell prints in more pieces
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_progress_bar(output)]
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    for path in parser.parse_args().notebooks:
        print(f"{path.name}: {execute(path):.0f} s", flush=True)


if __name__ == "__main__":
    main()
