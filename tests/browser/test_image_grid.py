"""The grid of pictures in a real JupyterLab: what it shows, how much of it, and what the keys and the pointer choose."""

from __future__ import annotations

from browser.lab import eventually, frames, write_notebook

CELL = """
import ipywidgets as widgets
import torch
from cnnlab.explorers.image_grid import ImageGrid, image_tiles

full = image_tiles(torch.ones(2, 3, 4, 4))
grid = ImageGrid(tiles=full, columns=2, max_tile_size=40)
take, give = widgets.Button(description="Take away"), widgets.Button(description="Give back")
take.on_click(lambda _: setattr(grid, "tiles", {}))
give.on_click(lambda _: setattr(grid, "tiles", full))
widgets.VBox([grid, take, give]).add_class("cnnlab")
"""


def test_a_grid_that_loses_its_pictures_is_empty_and_can_be_filled_again(server, browser, folder):
    write_notebook(folder / "grid.ipynb", CELL)
    notebook = browser.open(server.address("grid.ipynb"))
    assert notebook.run_all() == []
    page = notebook.page
    height = "node => node.getBoundingClientRect().height"
    canvas = page.locator(".cnnlab-sheet-canvas")
    eventually(page, lambda: canvas.evaluate(height) == 40, "two pictures in a row")
    page.get_by_role("button", name="Take away").click()
    eventually(page, lambda: canvas.evaluate(height) == 0, "nothing is left")
    page.get_by_role("button", name="Give back").click()
    eventually(page, lambda: canvas.evaluate(height) == 40, "two pictures again")
    assert notebook.failures() == []
    notebook.close()


PLACES = """
import ipywidgets as widgets
import torch
from cnnlab.explorers.image_grid import ImageGrid, image_tiles

grid = ImageGrid(tiles=image_tiles(torch.ones(1, 3, 40, 40)), columns=1, max_tile_size=120, pick="pixel")
grid.places, grid.follows, grid.point = [3, 4], True, [0, 0, 0]
said = widgets.HTML("nothing")
grid.observe(lambda _: setattr(said, "value", str(grid.point)), "point")
few = ImageGrid(tiles=image_tiles(torch.ones(6, 3, 4, 4)), columns=6, max_tile_size=400, min_tile_size=400)
widgets.VBox([grid, said, few]).add_class("cnnlab")
"""


def test_a_coarse_raster_follows_the_pointer_and_the_keys_and_tiles_stay_legible(server, browser, folder):
    write_notebook(folder / "places.ipynb", PLACES)
    notebook = browser.open(server.address("places.ipynb"))
    assert notebook.run_all() == []
    page = notebook.page
    canvas, said = page.locator(".cnnlab-sheet-canvas").first, page.locator(".cnnlab .widget-html-content")
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
    few = page.locator(".cnnlab-sheet-canvas").nth(1)
    wide, high = (
        few.evaluate(f"node => node.getBoundingClientRect().{side}") for side in ("width", "height")
    )
    columns = int((wide + 4) // 404)
    side = min((wide - 4 * (columns - 1)) / columns, 400)
    assert columns < 6 and abs(high - (-(-6 // columns) * (side + 4) - 4)) < 2, "fewer tiles in a row"
    assert notebook.failures() == []
    notebook.close()


ONLY = """
import ipywidgets as widgets
import torch
from cnnlab.explorers.image_grid import ImageGrid, image_tiles

grids = [ImageGrid(tiles=image_tiles(torch.ones(n, 3, 4, 4)), columns=2, max_tile_size=40, captions=["a"] * n) for n in (1, 2)]
widgets.VBox(grids).add_class("cnnlab")
"""


def test_the_only_picture_is_not_framed_as_if_it_had_been_chosen_from_several(server, browser, folder):
    write_notebook(folder / "only.ipynb", ONLY)
    notebook = browser.open(server.address("only.ipynb"))
    assert notebook.run_all() == []
    page, drawn = notebook.page, []
    for place in range(2):
        canvas = page.locator(".cnnlab-sheet-canvas").nth(place)
        before = canvas.evaluate("node => node.toDataURL()")
        canvas.focus()
        page.keyboard.press("ArrowRight")
        eventually(page, lambda c=canvas: "chosen: a" in c.get_attribute("aria-label"), "the key chooses it")
        frames(page)
        drawn.append(canvas.evaluate("node => node.toDataURL()") != before)
    assert drawn == [False, True]
    notebook.close()


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


def test_a_grid_scrolls_only_if_much_is_beyond_and_then_ends_in_a_picture(server, browser, folder):
    """A row is 119 pixels high: 100 of the picture, 15 of its words, 4 between two rows."""
    write_notebook(folder / "rows.ipynb", ROWS)
    notebook = browser.open(server.address("rows.ipynb"))
    assert notebook.run_all() == []
    page = notebook.page
    views, drawn = page.locator(".cnnlab-sheet-view"), page.locator(".cnnlab-sheet-canvas")
    eventually(page, lambda: drawn.nth(2).evaluate("node => node.clientHeight") > 1000, "all are drawn")
    seen, whole = (
        [one.nth(n).evaluate("node => node.clientHeight") for n in range(3)] for one in (views, drawn)
    )
    assert seen[:2] == whole[:2] == [4 * 119 - 4, 5 * 119 - 4], "what is a little taller is shown whole"
    assert seen[2] < 520 and whole[2] == 10 * 119 - 4
    assert 25 <= seen[2] % 119 <= 75, "the last picture that is seen is cut, not its words"
    said = page.locator(".cnnlab-sheet-readout").first
    for key, words in (("Home", ""), ("End", "picture d")):
        drawn.first.focus()
        page.keyboard.press(key)
        eventually(
            page, lambda words=words: said.inner_text() == words, "words under a tile are not repeated"
        )
    assert notebook.failures() == []
    notebook.close()
