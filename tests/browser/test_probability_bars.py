"""Bars of probabilities in a browser."""

from __future__ import annotations

from browser.lab import write_notebook

BARS = """
import ipywidgets as widgets
from cnnlab.explorers.charts import ProbabilityBars

bars = [ProbabilityBars(entries=[{"name": "cat", "now": 0.5, "before": 0.7, "target": False}] * n) for n in (0, 1)]
widgets.VBox(bars).add_class("cnnlab")
"""


def test_colours_are_explained_only_where_there_are_bars(server, browser, folder):
    write_notebook(folder / "bars.ipynb", BARS)
    notebook = browser.open(server.address("bars.ipynb"))
    assert notebook.run_all() == []
    keys = notebook.page.locator(".cnnlab-bars-key")
    assert [keys.nth(n).is_visible() for n in range(2)] == [False, True]
    assert notebook.failures() == []
    notebook.close()
