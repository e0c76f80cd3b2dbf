"""The picture picker in a real JupyterLab: the switch, the thumbnails, their keys and names, in both themes and widths."""

from __future__ import annotations

import pytest
from browser.lab import write_notebook

CELL = """
import ipywidgets as widgets
from cnnlab.explorers.common import AccessibleNames
from cnnlab.explorers.controls import accessible_names
from cnnlab.explorers.image_picker import ImagePicker

said = widgets.HTML("<b class='said'>chelsea</b>")

def changed():
    source = picker.source
    said.value = f"<b class='said'>{getattr(source, 'name', source.kind)}</b>"

picker = ImagePicker("chelsea", changed, print)
column = widgets.VBox(picker.rows).add_class("cnnlab-controls")
widgets.VBox([AccessibleNames(attributes=accessible_names(column)), column, said]).add_class("cnnlab")
"""
LIST, SWITCH = "Photographs", "Kind of picture"


@pytest.fixture(scope="module")
def notebook(server, browser, folder):
    write_notebook(folder / "picker.ipynb", CELL, "after = 1")
    opened = browser.open(server.address("picker.ipynb"))
    assert opened.run_all() == []
    opened.page.get_by_role("listbox", name=LIST).wait_for()
    yield opened
    opened.close()


@pytest.fixture
def page(notebook):
    """The page with the first photograph chosen; afterwards nothing has failed, and no key was taken for a command on cells."""
    page = notebook.page
    cells = page.locator(".jp-Cell").count()
    page.get_by_role("radio", name="Photograph").click()
    page.get_by_role("option", name="chelsea").click()
    says(page, "chelsea")
    yield page
    assert notebook.failures() == []
    assert page.locator(".jp-Cell").count() == cells


def says(page, name: str) -> None:
    """Wait until the kernel has heard of the choice."""
    page.locator(".said", has_text=name).wait_for()
    page.wait_for_function("name => document.querySelector('.said').textContent === name", arg=name)


def focused(page) -> str:
    return page.evaluate(
        "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
    )


def test_names_descriptions_and_choice_in_the_accessibility_tree(page, notebook):
    found = notebook.accessible()
    assert {
        ("radiogroup", SWITCH),
        ("radio", "Photograph"),
        ("radio", "Rendered"),
        ("radio", "Own photo"),
    } <= set(found)
    assert {("listbox", LIST), ("option", "chelsea"), ("option", "grace hopper")} <= set(found)
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    options = [node for node in nodes if node.get("role", {}).get("value") == "option"]
    cat = next(node for node in options if node["name"]["value"] == "chelsea")["description"]["value"]
    assert "the face of a cat" in cat and "Stefan van der Walt, CC0" in cat
    assert page.get_by_role("listbox", name=LIST).get_by_role("option", selected=True).count() == 1


def test_every_thumbnail_shows_a_picture_of_its_own(page):
    page.wait_for_function(
        "() => document.querySelector('.cnnlab-thumb').style.backgroundImage.startsWith('url')"
    )
    places = page.eval_on_selector_all(
        ".cnnlab-thumb", "nodes => nodes.map((node) => node.style.backgroundPosition)"
    )
    assert len(places) == len(set(places)) > 8
    sides = page.eval_on_selector_all(".cnnlab-thumb", "nodes => nodes.map((node) => node.offsetWidth)")
    assert 30 <= min(sides) <= max(sides) <= 64


def test_arrow_keys_roam_and_the_chosen_one_stays_in_sight(page):
    page.keyboard.press("ArrowRight")
    says(page, "coffee")
    assert focused(page) == "coffee"
    across = page.evaluate(
        "() => { const all = [...document.querySelectorAll('.cnnlab-thumb')];"
        " return all.filter((node) => node.offsetTop === all[0].offsetTop).length; }"
    )
    names = page.eval_on_selector_all(".cnnlab-thumb", "nodes => nodes.map((node) => node.ariaLabel)")
    page.keyboard.press("ArrowDown")
    says(page, names[1 + across].replace(" ", "_"))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # there is no row above
    says(page, "coffee")
    page.keyboard.press("End")
    says(page, names[-1])
    inside = page.locator(".cnnlab-thumb[aria-selected=true]").evaluate(
        "node => { const [a, b] = [node, node.parentNode].map((one) => one.getBoundingClientRect());"
        " return a.top >= b.top - 1 && a.bottom <= b.bottom + 1; }"
    )
    assert inside
    page.keyboard.press("ArrowRight")  # there is none behind the last
    page.keyboard.press("Home")
    says(page, "chelsea")


def test_enter_chooses_what_the_tab_key_reaches(page):
    page.get_by_role("radio", name="Rendered").click()
    says(page, "rendered")
    page.get_by_role("radio", name="Photograph").click()
    says(page, "chelsea")
    page.keyboard.press("Tab")
    assert focused(page) == "chelsea", "one stop for all thumbnails, at the chosen one"
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    says(page, "coffee")
    assert page.locator(".cnnlab-thumbs-caption").inner_text() == "Coffee, Rachel Michetti, CC0"


def test_the_switch_shows_the_controls_of_its_kind_alone(page):
    page.get_by_role("radio", name="Photograph").focus()
    page.keyboard.press("ArrowRight")
    says(page, "rendered")
    assert (
        page.get_by_label("Seed of the picture").is_visible()
        and not page.get_by_role("listbox", name=LIST).is_visible()
    )
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Your own photo …").wait_for()
    assert not page.get_by_label("Seed of the picture").is_visible()
    assert page.locator(".said").inner_text() == "rendered", "nothing changes before a photo comes"
    page.keyboard.press("ArrowRight")
    says(page, "chelsea")
    assert focused(page) == "Photograph"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("width", [800, 1280])
def test_it_fits_and_can_be_seen(page, theme, width):
    page.set_viewport_size({"width": width, "height": 1000})
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
    cut = page.eval_on_selector_all(
        ".cnnlab-switch-option",
        "nodes => nodes.filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.textContent)",
    )
    assert cut == [], "the words of the switch are cut off"
    assert page.locator(".cnnlab-controls").evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert page.locator(".cnnlab-thumbs").evaluate("node => node.offsetHeight") < 190, (
        "the column does not grow long"
    )
    page.get_by_role("option", name="chelsea").focus()
    page.keyboard.press("ArrowRight")
    says(page, "coffee")
    outline = page.get_by_role("option", name="coffee").evaluate(
        "node => getComputedStyle(node).outlineWidth"
    )
    assert outline == "3px"
    page.set_viewport_size({"width": 1280, "height": 1000})
