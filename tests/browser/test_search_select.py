"""The combobox in a real JupyterLab: typing, keys, pointer, its name, a thousand options, and what JupyterLab must not do meanwhile."""

from __future__ import annotations

import re

import pytest
from browser.lab import write_notebook

CELL = """
import ipywidgets as widgets
from cnnlab.explorers.common import AccessibleNames
from cnnlab.explorers.controls import accessible_names, named
from cnnlab.explorers.search_select import SearchSelect

thing = SearchSelect([("any class", None), *((f"thing {i}", i) for i in range(1000)), ("tiger cat", "tiger"), ("café", "cup")],
                     description="Class", keywords=[""] * 1001 + ["felis tigrina, tabby", ""])
layer = SearchSelect(["conv1", "fire2", "fire3", "fire2.squeeze", "fire2.expand", "fire3.squeeze"], description="Layer",
                     groups=["", "", "", "in fire2", "in fire2", "in fire3"])
said = widgets.HTML()
thing.observe(lambda change: setattr(said, "value", f"<b class='said'>chosen: {change.new}</b>"), "value")
layer.observe(lambda change: setattr(said, "value", f"<b class='said'>chosen: {change.new}</b>"), "value")
names = AccessibleNames(
    attributes=accessible_names(named(thing, "Class that is asked about"), named(layer, "Layer to look at"))
)
widgets.VBox([names, thing, layer, said]).add_class("cnnlab")
"""
FIELD, LAYER = "Class that is asked about", "Layer to look at"
LIST = ".cnnlab-search-popup:visible"


@pytest.fixture(scope="module")
def notebook(server, browser, folder):
    write_notebook(folder / "search.ipynb", CELL, "after = 1")
    opened = browser.open(server.address("search.ipynb"))
    assert opened.run_all() == []
    opened.page.get_by_role("combobox", name=FIELD).wait_for()
    yield opened
    opened.close()


@pytest.fixture
def page(notebook):
    """The page with the first option of both fields chosen and no list open; afterwards nothing has failed."""
    page = notebook.page
    cells = page.locator(".jp-Cell").count()
    for name in (LAYER, FIELD):
        field = page.get_by_role("combobox", name=name)
        field.click()
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        assert field.get_attribute("aria-expanded") == "false"
    yield page
    assert notebook.failures() == []
    assert page.locator(".jp-Cell").count() == cells, "JupyterLab took a key for a command of its own"


def options(page) -> list[str]:
    return page.locator(f"{LIST} [role=option]").all_inner_texts()


def active(page) -> str:
    """The option that a screen reader hears."""
    return page.evaluate(
        "() => document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.textContent ?? ''"
    )


def note(page) -> str:
    return page.locator(f"{LIST} .cnnlab-search-note").inner_text()


def chosen(page, value: str) -> None:
    """Wait until the kernel has heard of the choice."""
    page.locator(".said", has_text=re.compile(f"^chosen: {re.escape(value)}$")).wait_for()


def test_typing_filters_anywhere_in_the_label_and_enter_chooses(page):
    field = page.get_by_role("combobox", name=FIELD)
    field.focus()
    page.keyboard.type("ING 99")  # the focus has marked the old text; this takes its place
    assert field.get_attribute("aria-expanded") == "true"
    whole, parts = [f"thing {i}" for i in (99, *range(990, 1000))], [f"thing {i}99" for i in range(1, 9)]
    assert options(page) == [*whole, *parts], (
        "first where it stands as it was typed, then where its words stand apart"
    )
    assert note(page) == "19 of 1003" and active(page) == "thing 99"
    page.keyboard.press("ArrowDown")
    assert active(page) == "thing 990"
    page.keyboard.press("Enter")
    chosen(page, "990")
    assert field.input_value() == "thing 990" and field.get_attribute("aria-expanded") == "false"


def test_synonyms_accents_and_typing_errors_find_the_option(page):
    field = page.get_by_role("combobox", name=FIELD)
    for typed, found in (("tigrina", "tiger cat"), ("cafe", "café"), ("cat tiger", "tiger cat")):
        field.fill(typed)
        assert options(page) == [found]
    field.fill("tigre cat")
    assert options(page) == ["tiger cat"] and note(page) == "Nothing matches; these are near."
    field.fill("taby")
    assert options(page) == ["tiger cat"]
    page.keyboard.press("Enter")
    chosen(page, "tiger")
    field.fill("qqqqqqqq")
    assert options(page) == [] and note(page) == "Nothing matches."
    page.keyboard.press("Enter")
    assert field.input_value() == "tiger cat", "nothing was chosen, so what was chosen stays"


def test_escape_leaves_everything_as_it_was(page):
    field = page.get_by_role("combobox", name=FIELD)
    field.focus()
    page.keyboard.type("77")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert field.get_attribute("aria-expanded") == "false" and field.input_value() == "any class"
    assert field.evaluate("node => node === document.activeElement"), "the keyboard stays with the field"


def test_a_thousand_options_are_a_short_list_that_the_arrow_keys_walk_through(page):
    field = page.get_by_role("combobox", name=FIELD)
    field.focus()
    page.keyboard.press("ArrowDown")
    assert len(options(page)) == 50 and note(page) == "and 953 more: keep typing"
    assert active(page) == "any class"
    page.keyboard.press("End")
    assert active(page) == "café" and len(options(page)) == 50
    page.keyboard.press("PageUp")
    assert active(page) == "thing 991"
    page.keyboard.press("Home")
    for _ in range(60):
        page.keyboard.press("ArrowDown")
    assert active(page) == "thing 59" and len(options(page)) == 50
    visible = page.locator(".cnnlab-search-active").evaluate(
        "node => { const [a, b] = [node, node.closest('[role=listbox]')].map((n) => n.getBoundingClientRect());"
        " return a.top >= b.top - 1 && a.bottom <= b.bottom + 1; }"
    )
    assert visible
    page.keyboard.press("Enter")
    chosen(page, "59")


def test_a_key_takes_no_longer_than_a_frame_or_two(page):
    """Median milliseconds in which a key's list is made and laid out; a typed letter must not lag behind."""
    field = page.get_by_role("combobox", name=FIELD)
    field.focus()
    times = field.evaluate(
        """field => ["t", "th", "thi", "thing 1", "thing", "xyzzy", "thnig 2", ""].map((text) => {
            const began = performance.now();
            field.value = text;
            field.dispatchEvent(new Event("input", { bubbles: true }));
            document.body.offsetHeight;
            return performance.now() - began;
        })"""
    )
    assert sorted(times)[len(times) // 2] < 50, times
    page.keyboard.press("Escape")


def test_the_pointer_chooses_and_the_chosen_one_is_marked(page):
    field = page.get_by_role("combobox", name=FIELD)
    field.click()
    page.get_by_role("option", name="thing 7", exact=True).click()
    chosen(page, "7")
    field.click()
    assert page.locator(f"{LIST} [aria-selected=true]").all_inner_texts() == ["thing 7"]
    assert active(page) == "thing 7", "the list opens where the choice is"
    field.click()
    assert field.get_attribute("aria-expanded") == "false"


def test_the_list_closes_with_the_focus_and_forgets_what_was_typed(page):
    field = page.get_by_role("combobox", name=FIELD)
    field.fill("thing 12")
    page.get_by_role("combobox", name=LAYER).focus()
    assert field.get_attribute("aria-expanded") == "false" and field.input_value() == "any class"


def test_page_keys_walk_through_the_options_without_the_list(page):
    field = page.get_by_role("combobox", name=LAYER)
    field.focus()
    page.keyboard.press("PageDown")
    chosen(page, "fire2")
    page.keyboard.press("PageDown")
    chosen(page, "fire3")
    page.keyboard.press("PageUp")
    chosen(page, "fire2")
    assert field.input_value() == "fire2" and field.get_attribute("aria-expanded") == "false"


def test_options_stand_under_their_headings(page):
    field = page.get_by_role("combobox", name=LAYER)
    field.click()
    groups = page.locator(f"{LIST} [role=group]")
    assert [groups.nth(i).get_attribute("aria-label") for i in range(groups.count())] == [
        "in fire2",
        "in fire3",
    ]
    field.fill("fire2")
    assert options(page) == ["fire2", "fire2.squeeze", "fire2.expand"] and active(page) == "fire2"
    field.fill("squeeze")
    assert options(page) == ["fire2.squeeze", "fire3.squeeze"]
    page.keyboard.press("Escape")


def test_names_in_the_accessibility_tree(page, notebook):
    found = notebook.accessible()
    assert {("combobox", FIELD), ("combobox", LAYER)} <= set(found)
    page.get_by_role("combobox", name=FIELD).fill("tiger")
    assert {("listbox", "Options"), ("option", "tiger cat")} <= set(notebook.accessible())
    assert page.get_by_role("combobox", name=FIELD, expanded=True).count() == 1
    page.keyboard.press("Escape")


def test_plain_keys_are_no_commands_of_jupyterlab(page):
    """`x` would cut the cell, `a` would add one, Enter would open it; the fixture counts the cells afterwards."""
    page.get_by_role("combobox", name=FIELD).focus()
    for key in ("x", "a", "b", "d", "d", "Enter", "Escape", "x", "Escape"):
        page.keyboard.press(key)
    assert page.evaluate("() => document.activeElement.getAttribute('role')") == "combobox"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_focus_and_text_can_be_seen_in_both_themes(page, theme):
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
    field = page.get_by_role("combobox", name=FIELD)
    field.focus()
    page.keyboard.press("ArrowDown")
    outline = field.evaluate("node => getComputedStyle(node).outlineWidth")
    assert outline == "2px"
    ink, ground = page.locator(LIST).evaluate(
        "node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
    )
    bright = [sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in (ink, ground)]
    assert abs(bright[0] - bright[1]) > 120, (ink, ground)
    page.keyboard.press("Escape")
