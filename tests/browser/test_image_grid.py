"""The grid of pictures in a real JupyterLab: what it shows, how much of it, and what the keys and the pointer choose."""

from __future__ import annotations

import pytest
from browser.lab import eventually, frames, write_notebook

EMPTIED = """
import ipywidgets as widgets
import torch
from cnnlab.explorers.image_grid import ImageGrid, image_tiles

full = image_tiles(torch.ones(2, 3, 4, 4))
emptied = ImageGrid(tiles=full, columns=2, max_tile_size=40)
take, give = widgets.Button(description="Take away"), widgets.Button(description="Give back")
take.on_click(lambda _: setattr(emptied, "tiles", {}))
give.on_click(lambda _: setattr(emptied, "tiles", full))
widgets.VBox([emptied, take, give]).add_class("cnnlab")
"""

PLACES = """
import ipywidgets as widgets
import torch
from cnnlab.explorers.image_grid import ImageGrid, image_tiles

coarse = ImageGrid(tiles=image_tiles(torch.ones(1, 3, 40, 40)), columns=1, max_tile_size=120, pick="pixel")
coarse.places, coarse.follows, coarse.point = [3, 4], True, [0, 0, 0]
said = widgets.HTML("nothing")
coarse.observe(lambda _: setattr(said, "value", str(coarse.point)), "point")
few = ImageGrid(tiles=image_tiles(torch.ones(6, 3, 4, 4)), columns=6, max_tile_size=400, min_tile_size=400)
widgets.VBox([coarse, said, few]).add_class("cnnlab")
"""

ONLY = """
import ipywidgets as widgets
import torch
from cnnlab.explorers.image_grid import ImageGrid, image_tiles

grids = [ImageGrid(tiles=image_tiles(torch.ones(n, 3, 4, 4)), columns=2, max_tile_size=40, captions=["a"] * n) for n in (1, 2)]
widgets.VBox(grids).add_class("cnnlab")
"""

ROWS = """
import ipywidgets as widgets
import torch
from cnnlab.explorers.image_grid import ImageGrid, image_tiles

grids = [
    ImageGrid(tiles=image_tiles(torch.ones(n, 3, 4, 4)), columns=1, max_tile_size=100, labels=list("abcdefghij")[:n])
    for n in (4, 5, 10)
]
for grid in grids:
    grid.captions = ["a", *(f"picture {name}" for name in grid.labels[1:])]
widgets.VBox(grids).add_class("cnnlab")
"""
CELLS = (EMPTIED, PLACES, ONLY, ROWS)


@pytest.fixture(scope="module")
def notebook(server, browser, folder):
    write_notebook(folder / "grids.ipynb", *CELLS)
    opened = browser.open(server.address("grids.ipynb"))
    assert opened.run_all() == []
    yield opened
    opened.close()


@pytest.fixture
def page(notebook):
    yield notebook.page
    assert notebook.failures() == []


@pytest.fixture
def shown(page):
    """What a cell shows, brought into the window."""

    def shown(cell):
        box = page.locator(".cnnlab").nth(CELLS.index(cell))
        box.scroll_into_view_if_needed()
        return box

    return shown


def test_a_grid_that_loses_its_pictures_is_empty_and_can_be_filled_again(page, shown):
    height = "node => node.getBoundingClientRect().height"
    canvas = shown(EMPTIED).locator(".cnnlab-sheet-canvas")
    eventually(page, lambda: canvas.evaluate(height) == 40, "two pictures in a row")
    page.get_by_role("button", name="Take away").click()
    eventually(page, lambda: canvas.evaluate(height) == 0, "nothing is left")
    page.get_by_role("button", name="Give back").click()
    eventually(page, lambda: canvas.evaluate(height) == 40, "two pictures again")


def test_a_coarse_raster_follows_the_pointer_and_the_keys_and_tiles_stay_legible(page, shown):
    box = shown(PLACES)
    canvas, said = box.locator(".cnnlab-sheet-canvas").first, box.locator(".widget-html-content")
    few = box.locator(".cnnlab-sheet-canvas").nth(1)
    assert ", 1 picture; " in canvas.get_attribute("aria-label"), "a single picture is no plural"
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.9 * 120, box["y"] + 0.5 * 120)
    eventually(page, lambda: said.inner_text() == "[0, 1, 3]", "the pointer chooses without being pressed")
    canvas.focus()
    for key, expected in (
        ("ArrowRight", "[0, 1, 3]"),
        ("ArrowDown", "[0, 2, 3]"),
        ("ArrowLeft", "[0, 2, 2]"),
    ):
        page.keyboard.press(key)
        eventually(page, lambda expected=expected: said.inner_text() == expected, "a key moves by one place")
    wide, high = (
        few.evaluate(f"node => node.getBoundingClientRect().{side}") for side in ("width", "height")
    )
    columns = int((wide + 4) // 404)
    side = min((wide - 4 * (columns - 1)) / columns, 400)
    assert columns < 6 and abs(high - (-(-6 // columns) * (side + 4) - 4)) < 2, "fewer tiles in a row"


def test_the_only_picture_is_not_framed_as_if_it_had_been_chosen_from_several(page, shown):
    canvases, drawn = shown(ONLY).locator(".cnnlab-sheet-canvas"), []
    for place in range(2):
        canvas = canvases.nth(place)
        before = canvas.evaluate("node => node.toDataURL()")
        canvas.focus()
        page.keyboard.press("ArrowRight")
        eventually(page, lambda c=canvas: "chosen: a" in c.get_attribute("aria-label"), "the key chooses it")
        frames(page)
        drawn.append(canvas.evaluate("node => node.toDataURL()") != before)
    assert drawn == [False, True]


def test_a_grid_scrolls_only_if_much_is_beyond_and_then_ends_in_a_picture(page, shown):
    """A row is 119 pixels high: 100 of the picture, 15 of its words, 4 between two rows."""
    box = shown(ROWS)
    views, drawn = box.locator(".cnnlab-sheet-view"), box.locator(".cnnlab-sheet-canvas")
    eventually(page, lambda: drawn.nth(2).evaluate("node => node.clientHeight") > 1000, "all are drawn")
    seen, whole = (
        [one.nth(n).evaluate("node => node.clientHeight") for n in range(3)] for one in (views, drawn)
    )
    assert seen[:2] == whole[:2] == [4 * 119 - 4, 5 * 119 - 4], "what is a little taller is shown whole"
    assert seen[2] < 520 and whole[2] == 10 * 119 - 4
    assert 25 <= seen[2] % 119 <= 75, "the last picture that is seen is cut, not its words"
    said = box.locator(".cnnlab-sheet-readout").first
    for key, words in (("Home", ""), ("End", "picture d")):
        drawn.first.focus()
        page.keyboard.press(key)
        eventually(
            page, lambda words=words: said.inner_text() == words, "words under a tile are not repeated"
        )
