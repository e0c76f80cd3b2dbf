"""Notebooks as they are run and stored."""

from __future__ import annotations

import base64

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebooks.execute import execute

GROWS = """from cnnlab.explorers import InversionExplorer, optimisation_base
optimisation_base.PATIENCE = 0
explorer = InversionExplorer("mini_alexnet", layer="conv1", steps=20)
explorer"""
SHOWN = """import base64
print(explorer.player.current_step, base64.b64encode(explorer.static_preview()).decode())"""


def test_an_explorer_is_stored_as_it_is_when_its_work_is_done(tmp_path):
    path = tmp_path / "grows.ipynb"
    cells = [new_code_cell(GROWS), new_markdown_cell("It grows."), new_code_cell(SHOWN)]
    nbformat.write(new_notebook(cells=cells), path)
    execute(path)
    first, _, second = nbformat.read(path, as_version=4).cells
    assert (first.execution_count, second.execution_count) == (1, 2)
    (explorer,) = first.outputs
    step, picture = second.outputs[0].text.split()
    assert step == "20"
    assert base64.b64decode(explorer.data["image/png"]) == base64.b64decode(picture)
