"""The reference of every room, built from the docstrings by pdoc, which searches and shows them without a connection."""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates" / "reference"
ALL = ("cnnlab", "!cnnlab.grading.sandbox")  # what students' processes are made of is no interface


def build_reference(folder: Path, modules: tuple[str, ...] = ALL) -> Path:
    """Write the pages into `folder` and give the first one; `modules` are names as for pdoc, "!" for those left out.

    What is imported only when it is asked for becomes an attribute first, so that it has its place there too.
    """
    import pdoc
    import pdoc.render

    for room in map(import_module, ("cnnlab", "cnnlab.grading")):
        for name in room.__all__:
            setattr(room, name, getattr(room, name))
    pdoc.render.configure(docformat="numpy", footer_text="cnnlab", template_directory=TEMPLATES)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Error parsing type annotation")
        pdoc.pdoc(*modules, output_directory=folder)
    return folder / "index.html"
