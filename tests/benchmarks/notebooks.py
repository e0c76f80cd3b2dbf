"""Each notebook's time, peak memory, words and cells: `python tests/benchmarks/notebooks.py [--cells] [--interrupt] [notebook ...]`.

Each notebook runs from a fresh kernel, with the pictures that the cache of this machine holds; the peak is that of the kernel's process.
Seconds of the clock, and of all cores together, which other work on the machine changes less. With --cells, what each cell took and left
as the peak.
With --interrupt, a cell that took longer than `LONG` runs twice more: once it is interrupted on its way, as by the button with the square,
and then it must still run to its end. What is said is how long after the interrupt the kernel was free again, at the worst cell.
Some twenty minutes on two cores, or half of that without interrupts.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LONG = 3.0
"""Seconds; a cell that takes less is over before somebody loses patience."""

USAGE = """import resource
own = resource.getrusage(resource.RUSAGE_SELF)
print(own.ru_maxrss, own.ru_utime + own.ru_stime)
"""  # KiB on Linux


class Kernel:
    """A fresh kernel in the notebooks' folder; a context manager."""

    def __enter__(self) -> Kernel:
        here = {"metadata": {"path": str(NOTEBOOKS)}}
        self._client = NotebookClient(
            nbformat.v4.new_notebook(), timeout=600, kernel_name="python3", allow_errors=True, resources=here
        )
        self._stack = ExitStack()
        self._stack.enter_context(self._client.setup_kernel())
        self._process = int(self.run("import os; print(os.getpid())")[2])
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, source: str, interrupt_after: float = 0) -> tuple[float, list[str], str]:
        """The seconds that the cell took, the names of its errors, and what it printed."""
        cell = nbformat.v4.new_code_cell(source)
        self._client.nb.cells = [cell]
        timer = threading.Timer(interrupt_after, lambda: os.kill(self._process, signal.SIGINT))
        if interrupt_after:
            timer.start()
        start = time.perf_counter()
        self._client.execute_cell(cell, 0)
        seconds = time.perf_counter() - start
        if interrupt_after:
            timer.cancel()
        errors = [output.ename for output in cell.outputs if output.output_type == "error"]
        return seconds, errors, "".join(output.get("text", "") for output in cell.outputs)

    def usage(self) -> tuple[float, float]:
        """The peak of the memory in MiB, and the seconds of all cores so far."""
        peak, cores = map(float, self.run(USAGE)[2].split())
        return peak / 1024, cores


def measure(path: Path, interrupt: bool, cells: bool) -> None:
    """Run the notebook and print a line about it."""
    notebook = nbformat.read(path, 4)
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    total, freed = 0.0, []
    with Kernel() as kernel:
        for number, source in enumerate(sources):
            seconds, errors, _ = kernel.run(source)
            if errors:
                raise SystemExit(f"{path.name}: code cell {number} fails with {errors}:\n{source}")
            total += seconds
            if cells:
                peak, cores = kernel.usage()
                print(
                    f"  {seconds:5.1f} s, {cores:5.0f} s so far, {peak:5.0f} MiB: {source.splitlines()[-1]}",
                    flush=True,
                )
            if interrupt and seconds > LONG:
                after = 0.4 * seconds
                until, errors, _ = kernel.run(source, after)
                if errors:  # else it was quicker this time, and over before the interrupt came
                    freed.append(until - after)
                if errors := errors[1:] or kernel.run(source)[1]:
                    raise SystemExit(f"{path.name}: code cell {number} fails after an interrupt: {errors}")
        peak, cores = kernel.usage()
    said = f", {len(freed)} cells interrupted, free after {max(freed):.1f} s at the latest" if freed else ""
    size = f"{words:4} words, {len(notebook.cells):2} cells"
    print(
        f"{path.stem:32} {total:4.0f} s, {cores:4.0f} s of all cores, {peak:5.0f} MiB, {size}{said}",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interrupt", action="store_true", help="interrupt each long cell, and run it again")
    parser.add_argument("--cells", action="store_true", help="a line for each cell")
    parser.add_argument("notebooks", nargs="*", type=Path)
    asked = parser.parse_args()
    for path in asked.notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
        measure(path.resolve(), asked.interrupt, asked.cells)
