"""Films show the steps of a run: those of the explorer, with their words, by slider, key and button."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from browser.accessible import faults
from browser.lab import Browser
from PIL import Image

from cnnlab import diagnostics, explorers, site
from cnnlab.explorers.image_bytes import to_array
from cnnlab.explorers.step_player import make_frame
from cnnlab.site import films, pages

STEPS = 8


def explorer():
    return explorers.ActivationMaximisationExplorer("mini_alexnet", number="sheep", steps=STEPS)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A short film in a page, as the page's address and the folder of its sheet."""
    folder = tmp_path_factory.mktemp("film")
    short = films.Film("08_the_image_a_unit_wants", "explorer", "How the sheep grows", explorer)
    element = films.write_film(short, folder / "figures")
    script = shutil.copy(Path(site.__file__).parent / "browser" / "film.js", folder)
    page = folder / "film.html"
    head = "<!doctype html><html lang=en><meta charset=utf-8><title>A film</title><h1>A film</h1>"
    page.write_text(f"{head}{element}<script src={Path(script).name}></script>")
    return page, folder / "figures" / f"{short.name}.webp"


def test_the_sheet_holds_the_steps_of_the_explorer(film):
    with Image.open(film[1]) as sheet:
        pixels = np.array(sheet.convert("RGB")).astype(float)
    made = explorer()
    frames = list(made.frames()[0])
    assert len(frames) == STEPS + 1
    side = frames[0].pixels.shape[-1]
    for step, frame in enumerate(frames):
        top, left = step // films.COLUMNS * side, step % films.COLUMNS * side
        drawn = pixels[top : top + side, left : left + side]
        assert np.abs(drawn - to_array(frame.images[0])).mean() < 12, "but for what WebP loses"


def test_a_slider_its_keys_and_a_button_go_over_the_steps(film):
    with Browser(diagnostics.browser()) as browser:
        page = browser.blank()
        page.goto(film[0].as_uri())
        assert not faults(page)
        slider, frame = page.get_by_role("slider"), page.get_by_role("img")
        assert frame.get_attribute("aria-label").startswith("How the sheep grows. ")
        assert page.locator("output").inner_text().startswith(f"step {STEPS} of {STEPS}; mean of what")
        slider.focus()
        page.keyboard.press("Home")
        assert slider.get_attribute("aria-valuetext").startswith(f"step 0 of {STEPS}")
        assert frame.evaluate("node => node.style.backgroundPosition") == "0% 0%"
        page.keyboard.press("ArrowRight")
        assert page.locator("output").inner_text().startswith(f"step 1 of {STEPS}")
        assert frame.evaluate("node => node.style.backgroundPosition") == f"{100 / (films.COLUMNS - 1):g}% 0%"
        page.get_by_role("button", name="Play").click()
        page.wait_for_function(
            "document.querySelector('input').value === document.querySelector('input').max"
        )
        page.get_by_role("button", name="Play").wait_for()


def test_only_what_moves_is_shown_and_large_pictures_are_reduced():
    still, large = torch.rand(3, 300, 300), torch.rand(3, 300, 300)
    run = [make_frame(torch.stack([still, large * share])) for share in (0.2, 1.0)]
    assert [tuple(picture.shape) for picture in films.moving_pictures(run)] == [
        (3, films.SIDE, films.SIDE)
    ] * 2
    assert films.evenly_spaced(65, 5) == [0, 16, 32, 48, 64] and films.evenly_spaced(3, 5) == [0, 1, 2]


def test_every_film_belongs_to_a_cell():
    root = Path(__file__).resolve().parents[2]
    for one in films.FILMS:
        notebook = pages.nbformat.read(root / "notebooks" / f"{one.notebook}.ipynb", 4)
        (cell,) = [cell for cell in notebook.cells if cell.id == one.cell]
        assert "Explorer" in cell.source
