"""Bars of probabilities in a browser."""

from __future__ import annotations

from browser.lab import write_notebook

BARS = """
import ipywidgets as widgets
from cnnlab.explorers.charts import ProbabilityBars

bars = [ProbabilityBars(entries=[{"name": "cat", "now": 0.5, "before": 0.7, "target": False}] * n) for n in (0, 1)]
widgets.VBox(bars).add_class("cnnlab")
"""

TWO_NETWORKS = """
from cnnlab.explorers import CueConflictExplorer

CueConflictExplorer("mini_alexnet", "mini_alexnet_restyled")
"""


def test_colours_are_explained_only_where_there_are_bars(server, browser, folder):
    write_notebook(folder / "bars.ipynb", BARS)
    notebook = browser.open(server.address("bars.ipynb"))
    assert notebook.run_all() == []
    keys = notebook.page.locator(".cnnlab-bars-key")
    assert [keys.nth(n).is_visible() for n in range(2)] == [False, True]
    assert notebook.failures() == []
    notebook.close()


def test_bars_of_two_networks_stand_at_one_height_under_headings_of_one_line_and_of_two(
    server, browser, folder
):
    write_notebook(folder / "two.ipynb", TWO_NETWORKS)
    notebook = browser.open(server.address("two.ipynb"))
    assert notebook.run_all() == []
    columns = notebook.page.locator(".cnnlab-aligned > *")
    columns.first.scroll_into_view_if_needed()
    tops = "n => [...n.children].map((part) => Math.round(part.getBoundingClientRect().top))"
    first, second = (columns.nth(n).evaluate(tops) for n in range(2))
    assert first == second and len(first) == 3
    words = """n => {
        const range = document.createRange();
        range.selectNodeContents(n.querySelector('.cnnlab-heading .widget-html-content'));
        return range.getBoundingClientRect().height;
    }"""
    short, long = (columns.nth(n).evaluate(words) for n in range(2))
    assert long > short, "only one of the headings needs two lines, so there was something to hold level"
    notebook.close()
