"""A notebook that was run, saved and opened again without its kernel shows pictures in place of explorers."""

from __future__ import annotations

import nbformat
from browser.lab import Lab, eventually, write_notebook

from cnnlab import cli
from cnnlab.saved_views import HINT, PICTURE, VIEW

CELL = "import cnnlab\ncnnlab.explorers.OcclusionExplorer('mini_alexnet')"
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"


def test_an_explorer_is_live_while_open_and_a_picture_when_opened_again(browser, tmp_path):
    path = write_notebook(tmp_path / "mine.ipynb", CELL)
    options = [option for option in cli._lab_command(path, []) if "jpserver_extensions" in option]
    with Lab(tmp_path, options=options) as server:
        notebook = browser.open(server.address("mine.ipynb"))
        assert notebook.run_all() == []
        notebook.page.evaluate(SAVE)
        eventually(notebook.page, lambda: PICTURE in path.read_text(), "the picture is on disk")
        assert notebook.page.locator(".cnnlab canvas").first.is_visible()  # the open one is as it was
        notebook.page.evaluate(SAVE)
        assert notebook.failures() == []
        notebook.close()

        outputs = nbformat.read(path, as_version=4).cells[0].outputs
        assert [sorted(output.data) for output in outputs] == [
            ["text/markdown", "text/plain"],
            [PICTURE, "text/plain"],
        ]
        assert VIEW not in path.read_text()
        again = browser.open(server.address("mine.ipynb"))
        again.page.locator(".jp-OutputArea-output img").wait_for()
        shown = again.page.locator(".jp-OutputArea").inner_text()
        assert HINT.strip("*") in shown
        assert "Occlusion explorer." in shown
        assert again.failures() == []
        again.close()
