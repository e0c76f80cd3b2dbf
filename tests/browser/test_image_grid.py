"""The grid of pictures in a real JupyterLab: pictures that are taken away do not stay on the screen."""

from __future__ import annotations

from browser.lab import eventually, write_notebook

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
