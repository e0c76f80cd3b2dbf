"""Notebooks in a real JupyterLab: all cells run, no view fails, every slider and menu obeys the keyboard, stored outputs show pictures.

nbval runs all notebooks (tests/notebooks), and test_every_explorer.py looks at every explorer in the browser. Here are the notebook that
everybody opens first, and one of those that show two explorers beside their figures.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from browser.controls import check_names, turn_one_of_each
from browser.lab import write_notebook

from cnnlab.explorers import OcclusionExplorer

FOLDER = Path(__file__).parents[2] / "notebooks"
SHOWN = ("00_start_here", "01_layers_and_shapes")

TOO_WIDE = """() => [...document.querySelectorAll('mjx-container[display="true"]')]
    .filter((formula) => formula.scrollWidth > formula.clientWidth + 1)
    .map((formula) => formula.closest('.jp-MarkdownCell').innerText.slice(0, 60))"""


def explorers_in(path: Path) -> int:
    """How many explorers a notebook opens."""
    cells = nbformat.read(path, 4).cells
    return sum(len(re.findall(r"Explorer\(", cell.source)) for cell in cells if cell.cell_type == "code")


@pytest.mark.parametrize("name", SHOWN)
def test_notebook_runs_and_its_explorers_live(name, server, browser, folder):
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    notebook = browser.open(server.address(f"{name}.ipynb"))
    try:
        assert notebook.run_all() == []
        roots = notebook.page.locator(".cnnlab")
        assert roots.count() == explorers_in(FOLDER / f"{name}.ipynb")
        for number in range(roots.count()):
            check_names(notebook.page, roots.nth(number))
            assert turn_one_of_each(notebook.page, roots.nth(number)) > 1
        assert notebook.failures() == []
        assert notebook.page.locator(".cnnlab .cnnlab-error:visible").all_inner_texts() == []
    finally:
        notebook.close()


def test_no_formula_is_cut_off_in_a_narrow_window(server, browser, folder):
    """The formulas of all notebooks on one page, and after them one that is too wide: it alone is found."""
    path = write_notebook(folder / "formulas.ipynb")
    notebook = nbformat.read(path, 4)
    notebook.cells = [
        nbformat.v4.new_markdown_cell(cell.source)
        for shown in sorted(FOLDER.glob("*.ipynb"))
        for cell in nbformat.read(shown, 4).cells
        if cell.cell_type == "markdown" and "$$" in cell.source
    ]
    notebook.cells.append(nbformat.v4.new_markdown_cell(f"Too wide: $${' + '.join(['x'] * 80)}$$"))
    nbformat.write(notebook, path)
    opened = browser.open(server.address("formulas.ipynb"), width=800)
    try:
        many = sum(cell.source.count("$$") // 2 for cell in notebook.cells)
        drawn = """n => document.querySelectorAll('mjx-container[display="true"]').length >= n"""
        opened.page.wait_for_function(drawn, arg=many)
        (found,) = opened.page.evaluate(TOO_WIDE)
        assert found.startswith("Too wide:")
    finally:
        opened.close()


def test_a_stored_notebook_shows_the_picture_where_no_kernel_knows_the_explorer(
    server, browser, folder, tmp_path
):
    path = write_notebook(folder / "stored.ipynb", "OcclusionExplorer()")
    stored = nbformat.read(path, 4)
    data, metadata = OcclusionExplorer()._repr_mimebundle_()
    stored.cells[0].outputs = [nbformat.v4.new_output("display_data", data=data, metadata=metadata)]
    nbformat.write(stored, path)
    notebook = browser.open(server.address("stored.ipynb"))
    try:
        picture = notebook.page.locator(".jp-OutputArea-output img")
        picture.wait_for()
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 600
        assert notebook.failures() == []
    finally:
        notebook.close()


def test_an_explorer_whose_kernel_is_gone_says_so_once(server, browser, folder):
    write_notebook(
        folder / "gone.ipynb", "from cnnlab.explorers import OcclusionExplorer\nOcclusionExplorer()"
    )
    notebook = browser.open(server.address("gone.ipynb"))
    said = """() => [...document.querySelectorAll('.jp-OutputArea-output .jupyter-widgets-disconnected')]
        .map((node) => getComputedStyle(node, '::before').content).filter((content) => content !== 'none')"""
    try:
        assert notebook.run_all() == []
        assert notebook.page.evaluate(said) == []
        notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
        notebook.page.wait_for_selector(".cnnlab.jupyter-widgets-disconnected")
        (sentence,) = notebook.page.evaluate(said)
        assert "Run this cell again" in sentence
    finally:
        notebook.close()


def test_a_broken_explorer_would_be_noticed(server, browser, folder):
    """Negative control: a widget whose view fails is reported, though Python saw no error."""
    broken = "export default { render() { throw new Error('no view'); } }"
    cell = f"import anywidget\nclass Broken(anywidget.AnyWidget):\n    _esm = {broken!r}\nBroken()"
    write_notebook(folder / "broken.ipynb", cell)
    notebook = browser.open(server.address("broken.ipynb"))
    try:
        assert notebook.run_all() != []
    finally:
        notebook.close()
