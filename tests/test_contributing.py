"""The code on the page for contributors runs, in the order in which it stands there, and does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
import yaml

import cnnlab

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```python (\w+)\n(.*?)```", PAGE, re.DOTALL))


def ran(*names: str) -> dict:
    """What the named blocks define, one after another."""
    space: dict = {}
    for name in names:
        exec(compile(BLOCKS[name], f"CONTRIBUTING.md, {name}", "exec"), space)
    return space


def test_the_page_has_all_its_examples():
    assert list(BLOCKS) == ["technique", "oracle", "explorer", "notebook"]


def test_the_technique_agrees_with_its_oracle():
    ran("technique", "oracle")


def test_the_explorer_answers_and_gives_its_code():
    explorer = ran("explorer")["LightExplorer"]()
    bright = explorer.bars.entries, explorer.grid.tiles, explorer.static_preview()
    explorer.light.value = 0.1
    dark = explorer.bars.entries, explorer.grid.tiles, explorer.static_preview()
    assert explorer.error is None
    assert all(one != other for one, other in zip(bright, dark, strict=True))
    said = {}
    exec(explorer.code().replace("print(", "found = ("), said)
    assert said["found"] == pytest.approx(dark[0][0]["now"], abs=1e-4)
    assert "dimmed" in explorer._repr_mimebundle_()[0]["text/plain"]


def test_the_notebook_runs_and_its_claim_holds(capsys):
    notebook = ran("notebook")["notebook"]
    space: dict = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, space)
    assert 0 <= space["dim"] <= 1
    assert isinstance(notebook, nbformat.NotebookNode)


def test_files_and_rooms_that_are_named_exist():
    named = re.findall(r"`((?:tests|cnnlab|networks|explorers)/[\w./]+)`", PAGE)
    assert len(named) >= 5
    for path in named:
        assert (ROOT / path).exists() or (ROOT / "cnnlab" / path).exists(), path


def test_the_citation_names_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(cited["version"]) == cnnlab.__version__
    assert cited["license"] == "BSD-3-Clause" and cited["title"].startswith("cnnlab")
