"""Every explorer once in a real JupyterLab: all that it shows has a name, and its sliders and menus obey the keyboard.

Several explorers share a notebook, since a kernel takes longer to start than an explorer to open.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.controls import NAMELESS, check_names, turn_one_of_each
from browser.lab import write_notebook
from explorers.contract import NAMES

import cnnlab.explorers

TESTS = Path(__file__).parents[1]
SETUP = f"import sys\nsys.path.append({str(TESTS)!r})\nfrom explorers.contract import opened"
TOGETHER = 7
"""Explorers in a notebook."""
GROUPS = [tuple(NAMES[start : start + TOGETHER]) for start in range(0, len(NAMES), TOGETHER)]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group[0]} to {group[-1]}")
def test_all_has_a_name_and_obeys_the_keyboard(group, server, browser, folder):
    file = f"explorers_{GROUPS.index(group)}.ipynb"
    write_notebook(folder / file, SETUP, *(f"opened({name!r})" for name in group))
    notebook = browser.open(server.address(file))
    try:
        assert notebook.run_all() == []
        for place, name in enumerate(group):
            root = notebook.page.locator(".cnnlab").nth(place)
            check_names(notebook.page, root)
            assert turn_one_of_each(notebook.page, root) > 0, name
            assert notebook.failures() == [], name
            assert root.locator(".cnnlab-error:visible").all_inner_texts() == [], name
            check_names(notebook.page, root)
    finally:
        notebook.close()


def test_what_has_no_name_or_obeys_no_key_would_be_noticed(browser):
    """Negative control."""
    page = browser.blank()
    page.set_content(
        "<div id=root><canvas></canvas><img src=x alt=''><button aria-label=Run></button><select></select></div>"
    )
    found = page.evaluate(f"() => ({NAMELESS})(document.querySelector('#root'))")
    assert [one.split()[0].strip("<>") for one in found] == ["canvas></canvas", "img", "select></select"]


def test_a_narrow_table_shows_its_numbers(browser):
    """As wide as the column for results in a window of 1280 pixels."""
    css = (Path(cnnlab.explorers.__file__).parent / "table.css").read_text(encoding="utf-8")
    rows = "".join(
        f"<tr><td>method {letter}: integrated gradients</td><td class=cnnlab-table-number>-0.34</td></tr>"
        for letter in "ABC"
    )
    head = "<tr><th>method</th><th class=cnnlab-table-number>agreement</th></tr>"
    page = browser.blank()
    page.set_content(
        f"<style>{css}</style><div style='width: 190px; font-family: sans-serif'><div class=cnnlab-table>"
        f"<div class=cnnlab-table-scroll><table>{head}{rows}</table></div></div></div>"
    )
    widths = page.locator(".cnnlab-table-scroll").evaluate("node => [node.scrollWidth, node.clientWidth]")
    assert widths[0] <= widths[1]
