"""The reference of every room, built from the docstrings: pages to search and to read without a network.

    python tests/reference.py [FOLDER [MODULE ...]]     without a folder: build/reference; without modules: the whole package

`make reference` calls it. What is imported only when it is asked for is asked for first, so that it has its place there too.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from pathlib import Path

import pdoc
import pdoc.render

FOLDER = Path(__file__).resolve().parents[1] / "build" / "reference"
ALL = ("cnnlab", "!cnnlab.grading.sandbox")  # what students' processes are made of is no interface


def build(folder: Path = FOLDER, modules: tuple[str, ...] = ALL) -> Path:
    """Write the pages into `folder` and give the first one."""
    grading = import_module("cnnlab.grading")
    for name in grading.__all__:
        getattr(grading, name)
    pdoc.render.configure(docformat="numpy", footer_text="cnnlab")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Error parsing type annotation")
        pdoc.pdoc(*modules, output_directory=folder)
    return folder / "index.html"


if __name__ == "__main__":
    chosen = tuple(sys.argv[2:]) or ALL
    print(build(Path(sys.argv[1]) if sys.argv[1:] else FOLDER, chosen))
