"""Every notebook in a real JupyterLab: all cells run, no view fails, every slider obeys the keyboard, stored outputs show pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from browser.lab import write_notebook

from cnnlab.explorers import OcclusionExplorer

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook_runs_and_its_explorers_live(path, server, browser, folder):
    shutil.copytree(path.parent, folder, dirs_exist_ok=True)
    notebook = browser.open(server.address(path.name))
    try:
        assert notebook.run_all() == []
        page = notebook.page
        for number in range(page.locator(".cnnlab .noUi-handle").count()):
            slider = page.locator(".cnnlab .noUi-handle").nth(number)
            assert slider.get_attribute("aria-label"), f"slider {number} has no name"
            if slider.is_visible() and is_on(slider):
                turn(page, slider)
        assert notebook.failures() == []
        assert page.locator(".cnnlab .cnnlab-error:visible").all_inner_texts() == []
    finally:
        notebook.close()


def is_on(slider) -> bool:
    """Whether there is something to choose now."""
    return not slider.evaluate("node => node.closest('.noUi-target').hasAttribute('disabled')")


def turn(page, slider) -> None:
    """One step, towards where there is room, and back; the handle's place tells, since `aria-valuenow` is rounded."""
    node = slider.element_handle()
    before = node.evaluate("node => node.parentElement.style.transform")
    slider.focus()
    for key, back in (("ArrowRight", "ArrowLeft"), ("ArrowLeft", "ArrowRight")):
        page.keyboard.press(key)
        page.wait_for_timeout(300)
        if node.evaluate("node => node.parentElement.style.transform") != before:
            page.keyboard.press(back)
            page.wait_for_timeout(200)
            return
    raise AssertionError(f"the slider {slider.get_attribute('aria-label')} does not obey the arrow keys")


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
