"""The occlusion explorer in a real JupyterLab: everything that only a browser can show.

One notebook serves all tests of this file; each test brings the explorer into the state that it needs.
"""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from browser.lab import choose, eventually, frames, settle, write_notebook
from PIL import Image

CANVAS, BARS, MAP = ".cnnlab-stage-canvas", ".cnnlab-bars-list", "Map laid over the picture"
CELL = "from cnnlab.explorers import OcclusionExplorer\nexplorer = OcclusionExplorer()\nexplorer"
WAIT = 30_000  # milliseconds; a bound against hanging, not a measurement


@pytest.fixture(scope="module")
def notebook(server, browser, folder):
    write_notebook(folder / "occlusion.ipynb", CELL, "after = 1")
    opened = browser.open(server.address("occlusion.ipynb"))
    assert opened.run_all() == []
    opened.page.wait_for_selector(".cnnlab-bar")
    opened.page.wait_for_selector(f"{CANVAS}[data-drawn]")
    yield opened
    opened.close()


@pytest.fixture
def page(notebook):
    """The page with the occluder in the middle, no map, no photo; afterwards nothing has failed."""
    page = notebook.page
    for place, name in enumerate(("Stride of the occluder in pixels", "Size of the occluder in pixels")):
        turn_to(page, name, (4, 24)[place])
    page.get_by_label(MAP).select_option(label="none")
    settle(page)  # else the kernel's word on the new size may arrive among the keys below
    page.locator(CANVAS).focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    answered(page, "row 36, column 36")
    yield page
    assert notebook.failures() == []


def turn_to(page, name: str, value: int) -> None:
    """Turn a slider from the keyboard, and wait until the kernel knows.

    ipywidgets holds a step back while an earlier one is under way: a click at once would overtake it, and the map that it starts would
    be one for the setting before, which the step then removes.
    """
    slider = page.get_by_role("slider", name=name)
    slider.focus()
    for _ in range(200):
        now = round(float(slider.get_attribute("aria-valuenow")))
        if now == value:
            settle(page)
            return
        page.keyboard.press("ArrowRight" if now < value else "ArrowLeft")
    raise AssertionError(f"{name} does not reach {value}")


def answered(page, place: str) -> None:
    """Wait until the occluder lies at `place` and the kernel has said what the network says there."""
    page.wait_for_function(
        "place => document.querySelector('.cnnlab-readout-place').textContent.includes(place)", arg=place
    )
    settle(page)


def pixels(page, selector: str) -> np.ndarray:
    """What is drawn, H x W x 3: a canvas' own pixels, which stay the same when it moves on the screen, else a screenshot.

    The canvas gets the focus, so that the occluder's frame has always the same colour.
    """
    page.locator(CANVAS).first.focus()
    frames(page)
    if selector == CANVAS:
        content = base64.b64decode(
            page.eval_on_selector(CANVAS, "canvas => canvas.toDataURL()").partition(",")[2]
        )
    else:
        content = page.locator(selector).first.screenshot()
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def changed(before: np.ndarray, after: np.ndarray) -> float:
    """Share of the pixels that are not what they were."""
    return float((abs(before - after).max(axis=2) > 12).mean())


def text(page, selector: str) -> str:
    return page.locator(selector).inner_text()


def test_nothing_failed_and_everything_is_drawn(page):
    drawn = pixels(page, CANVAS)
    assert drawn.std() > 20
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 500
    assert page.locator(".cnnlab-bar").count() == 5
    assert "mini_alexnet looks at: sheep" in text(page, ".cnnlab-status")


def test_everything_has_a_name_in_the_accessibility_tree(page, notebook):
    # Only what lies within the explorer: JupyterLab's own nameless things are not ours.
    own = page.locator(".cnnlab").aria_snapshot()
    nameless = re.findall(
        r"- (slider|combobox|checkbox|button|spinbutton|meter|application|img)(?=$|:| \[)", own, re.M
    )
    assert nameless == []
    names = {name for _role, name in notebook.accessible()}
    expected = {
        "Network",
        "Class of the object in the picture",
        "Scene of the picture",
        "Seed of the picture",
        "Size of the occluder in pixels",
        "Stride of the occluder in pixels",
        "Fill of the occluder",
        "Target class",
        "Opacity of the map",
        "Class probabilities",
        "sheep, the target",
        "Fill in the map",
        "Stop",
        "Kind of picture",
        "Own photo",
    }
    assert expected <= names
    assert any(name.startswith("What the network sees: sheep") for name in names)
    assert any(re.match(r"sheep, .* occluder of 24 pixels at row 36, column 36", name) for name in names)


def test_arrow_keys_move_by_a_stride_and_with_shift_by_a_pixel(page):
    before, bars = pixels(page, CANVAS), pixels(page, BARS)
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    answered(page, "row 48, column 36")
    assert changed(before, pixels(page, CANVAS)) > 0.03
    assert changed(bars, pixels(page, BARS)) > 0.001
    page.keyboard.press("Shift+ArrowLeft")
    answered(page, "row 48, column 35")
    page.keyboard.press("End")
    answered(page, "row 48, column 72")


def test_plus_and_minus_resize_about_the_centre(page):
    page.keyboard.press("+")
    answered(page, "26 × 26 pixels, row 35, column 35")
    page.keyboard.press("-")
    page.keyboard.press("-")
    answered(page, "22 × 22 pixels, row 37, column 37")
    slider = page.get_by_role("slider", name="Size of the occluder in pixels")
    assert float(slider.get_attribute("aria-valuenow")) == 22


def test_space_shows_what_lies_beneath(page):
    covered = pixels(page, CANVAS)
    page.keyboard.down(" ")
    lifted = pixels(page, CANVAS)
    page.keyboard.up(" ")
    assert changed(covered, lifted) > 0.02
    assert changed(covered, pixels(page, CANVAS)) == 0


def test_keys_do_not_reach_jupyterlab(page):
    """Single letters are commands on cells there: "x" would cut the explorer, "a" insert a cell."""
    cells = page.locator(".jp-Cell").count()
    for place in (
        page.locator(CANVAS),
        page.get_by_role("slider", name="Size of the occluder in pixels"),
        page.get_by_label("Scene of the picture"),
        page.get_by_role("button", name="Fill in the map"),
    ):
        place.focus()
        for key in ("x", "a", "d", "d"):
            page.keyboard.press(key)
    settle(page)
    assert page.locator(".jp-Cell").count() == cells
    page.get_by_label("Scene of the picture").select_option("meadow")
    settle(page)


def test_dragging_moves_the_occluder(page):
    before, bars = pixels(page, CANVAS), text(page, BARS)
    bounds = page.locator(CANVAS).bounding_box()

    def to(x: float, y: float) -> tuple[float, float]:
        return bounds["x"] + x * bounds["width"], bounds["y"] + y * bounds["height"]

    page.mouse.move(*to(0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*to(0.6, 0.45), steps=5)
    page.mouse.move(*to(0.7, 0.65), steps=5)
    during = pixels(page, CANVAS)
    page.mouse.up()
    settle(page)
    assert page.locator(".cnnlab-late").count() == 0
    assert changed(before, during) > 0.03
    assert text(page, BARS) != bars
    row, column = map(int, re.findall(r"row (\d+), column (\d+)", text(page, ".cnnlab-readout-place"))[0])
    assert (row, column) == pytest.approx((36 + 0.15 * 96, 36 + 0.2 * 96), abs=2)


def test_a_corner_resizes(page):
    bounds = page.locator(CANVAS).bounding_box()
    scale = bounds["width"] / 96
    page.mouse.move(bounds["x"] + 60 * scale, bounds["y"] + 60 * scale)
    page.mouse.down()
    page.mouse.move(bounds["x"] + 76 * scale, bounds["y"] + 74 * scale, steps=6)
    page.mouse.up()
    settle(page)
    size, row, column = map(
        int, re.findall(r"(\d+) × .* row (\d+), column (\d+)", text(page, ".cnnlab-readout-place"))[0]
    )
    assert (row, column) == (36, 36)
    assert size == pytest.approx(40, abs=2)


def test_every_slider_moves_from_the_keyboard(page):
    page.get_by_role("button", name="Fill in the map").click()
    page.get_by_role("button", name="Move the occluder there").wait_for(timeout=WAIT)
    for name, keys in {
        "Opacity of the map": ["ArrowLeft"] * 8,
        "Size of the occluder in pixels": ["ArrowRight"] * 8,
        "Stride of the occluder in pixels": ["ArrowRight"] * 4,
    }.items():
        slider = page.get_by_role("slider", name=name)
        before, value = pixels(page, CANVAS), slider.get_attribute("aria-valuenow")
        slider.focus()
        for key in keys:
            page.keyboard.press(key)
        settle(page)
        assert slider.get_attribute("aria-valuenow") != value, name
        if not name.startswith("Stride"):
            assert changed(before, pixels(page, CANVAS)) > 0.02, name
    assert "9 × 9 places" in text(page, ".cnnlab-result")  # (96 - 32) / 8 + 1


def test_whole_map_fills_in_and_leads_to_its_lowest_place(page):
    before = pixels(page, CANVAS)
    page.get_by_role("button", name="Fill in the map").click()
    page.get_by_role("button", name="Move the occluder there").wait_for(timeout=WAIT)
    assert changed(before, pixels(page, CANVAS)) > 0.2
    assert page.locator(".cnnlab-legend").is_visible()
    words = text(page, ".cnnlab-finding")
    lowest, row, column = re.search(
        r"least probable \((\S+) instead .* row (\d+), column (\d+)", words
    ).groups()
    assert re.search(r"\d+% of the drop lies on the sheep, which fills \d+% of the picture", words)
    page.get_by_role("button", name="Move the occluder there").click()
    answered(page, f"row {row}, column {column}")
    assert text(page, ".cnnlab-readout-now") == lowest
    as_probability = pixels(page, CANVAS)
    page.get_by_label(MAP).select_option(label="class that wins")
    settle(page)
    assert changed(as_probability, pixels(page, CANVAS)) > 0.1


def grows(page, percent: int) -> None:
    """Wait until so much of the map is there."""
    script = """percent => {
        const grown = /grows: (\\d+)%/.exec(document.querySelector('.cnnlab-status').textContent);
        return grown && Number(grown[1]) >= percent;
    }"""
    page.wait_for_function(script, arg=percent, timeout=WAIT)


def test_a_growing_map_lets_the_occluder_move_and_stops(page):
    turn_to(page, "Stride of the occluder in pixels", 1)
    fill, stop = page.get_by_role("button", name="Fill in the map"), page.get_by_role("button", name="Stop")
    fill.click()
    grows(page, 1)
    early = pixels(page, CANVAS)
    page.locator(CANVAS).focus()
    bars = text(page, BARS)
    page.keyboard.press("PageDown")
    page.wait_for_function(
        "bars => document.querySelector('.cnnlab-bars-list').innerText !== bars", arg=bars, timeout=WAIT
    )
    assert stop.is_enabled()
    grows(page, 6)
    assert changed(early, pixels(page, CANVAS)) > 0.02
    stop.click()
    page.wait_for_function(
        "() => document.querySelector('.cnnlab-status').textContent.includes('Stopped')", timeout=WAIT
    )
    settle(page)
    half = pixels(page, CANVAS)
    for key in ("ArrowUp", "ArrowDown"):  # the map would grow beside two answers
        place = text(page, ".cnnlab-readout-place")
        page.keyboard.press(key)
        page.wait_for_function(
            "place => document.querySelector('.cnnlab-readout-place').textContent !== place", arg=place
        )
        settle(page)
    assert changed(half, pixels(page, CANVAS)) == 0
    assert fill.is_enabled()
    assert not stop.is_enabled()


def test_a_changed_setting_ends_the_growing_map(page):
    turn_to(page, "Stride of the occluder in pixels", 1)
    page.get_by_role("button", name="Fill in the map").click()
    page.wait_for_function(
        "() => document.querySelector('.cnnlab-status').textContent.includes('grows')", timeout=WAIT
    )
    page.get_by_label("Fill of the occluder").select_option("noise")
    page.locator(".cnnlab-legend").wait_for(state="hidden", timeout=WAIT)
    settle(page)
    assert not page.get_by_role("button", name="Stop").is_enabled()
    assert not page.locator(".cnnlab-legend").is_visible()
    page.get_by_label("Fill of the occluder").select_option("grey")
    settle(page)


def test_outline_and_network_view_are_drawn(page):
    for name in ("Show the true outline of the object", "Show the picture as the network sees it"):
        before = pixels(page, CANVAS)
        page.get_by_label(name).check()
        settle(page)
        assert changed(before, pixels(page, CANVAS)) > 0.005, name
        page.get_by_label(name).uncheck()
        settle(page)
        assert changed(before, pixels(page, CANVAS)) == 0, name


@pytest.mark.parametrize(
    ("control", "choice"),
    [
        ("Class of the object in the picture", "cup"),
        ("Scene of the picture", "snow"),
        ("Fill of the occluder", "noise"),
    ],
)
def test_every_choice_changes_the_picture(page, control, choice):
    before, bars = pixels(page, CANVAS), text(page, BARS)
    menu = page.get_by_label(control)
    first = menu.input_value()
    choose(page, control, choice)
    page.wait_for_function(
        "([bars, before]) => document.querySelector(bars).innerText !== before",
        arg=[BARS, bars],
        timeout=WAIT,
    )
    settle(page)
    assert changed(before, pixels(page, CANVAS)) > 0.02
    assert text(page, BARS) != bars
    choose(page, control, first)
    settle(page)


def test_target_is_marked_in_the_bars(page):
    choose(page, "Target class", "teapot")
    settle(page)
    assert text(page, ".cnnlab-bar-target .cnnlab-bar-name") == "teapot"
    assert text(page, ".cnnlab-readout-name") == "teapot"
    choose(page, "Target class", "predicted class")
    settle(page)


def test_another_one_draws_another_picture(page):
    before, seed = pixels(page, CANVAS), page.get_by_label("Seed of the picture").input_value()
    page.get_by_role("button", name="Another picture of the same class and scene").click()
    settle(page)
    assert changed(before, pixels(page, CANVAS)) > 0.2
    page.get_by_label("Seed of the picture").fill(seed)
    page.keyboard.press("Tab")
    settle(page)
    assert changed(before, pixels(page, CANVAS)) == 0


def upload(page, file) -> None:
    page.get_by_role("radio", name="Own photo").click()
    with page.expect_file_chooser() as chooser:
        page.locator(".cnnlab-upload").click()
    chooser.value.set_files(file)
    settle(page)


def test_a_photo_is_looked_at_and_what_is_none_is_refused_in_place(page, tmp_path):
    stripes = np.indices((200, 300)).sum(0) // 20 % 2 * 200
    Image.fromarray(np.stack([stripes, stripes // 2, 255 - stripes], 2).astype(np.uint8)).save(
        tmp_path / "stripes.png"
    )
    (tmp_path / "letter.png").write_bytes(b"Dear reader, this is no picture.")
    before = pixels(page, CANVAS)
    upload(page, tmp_path / "letter.png")
    page.locator(".cnnlab-error").wait_for()
    assert len(text(page, ".cnnlab-error")) > 20
    assert changed(before, pixels(page, CANVAS)) == 0
    upload(page, tmp_path / "stripes.png")
    assert not page.locator(".cnnlab-error").is_visible()
    assert changed(before, pixels(page, CANVAS)) > 0.5
    assert "stripes.png" in text(page, ".cnnlab-status")
    page.get_by_role("button", name="Back to the picture before").click()
    settle(page)
    assert changed(before, pixels(page, CANVAS)) == 0


def test_a_photo_can_be_dropped_and_a_large_one_is_shrunk(page):
    """Eight megabytes of noise: more than the kernel's connection takes well."""
    before = pixels(page, CANVAS)
    page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(3000, 3000), pen = canvas.getContext('2d');
            const noise = pen.createImageData(3000, 3000);
            for (let at = 0; at < noise.data.length; at += 65536) crypto.getRandomValues(noise.data.subarray(at, at + 65536));
            for (let at = 3; at < noise.data.length; at += 4) noise.data[at] = 255;
            pen.putImageData(noise, 0, 0);
            const blob = await canvas.convertToBlob({ type: 'image/png' });
            if (blob.size < 4e6) throw new Error('not large');
            const data = new DataTransfer();
            data.items.add(new File([blob], 'large.png', { type: 'image/png' }));
            const explorer = document.querySelector('.cnnlab');
            explorer.dispatchEvent(new DragEvent('dragover', { dataTransfer: data, bubbles: true, cancelable: true }));
            explorer.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    page.get_by_role("button", name="Photo: large.png").wait_for(timeout=WAIT)
    settle(page)
    assert changed(before, pixels(page, CANVAS)) > 0.3
    page.get_by_role("button", name="Back to the picture before").click()
    settle(page)


def test_the_code_is_shown_when_it_is_asked_for(page):
    page.get_by_text("Show the code").click()
    page.wait_for_function("() => document.querySelector('.cnnlab-code pre')?.textContent.includes('render')")
    code = text(page, ".cnnlab-code pre")
    assert 'world.render(7, shape="sheep", scene="meadow")' in code
    assert "top=36, left=36, size=24" in code
    page.locator(CANVAS).focus()
    page.keyboard.press("ArrowDown")
    answered(page, "row 40")
    assert "top=40, left=36, size=24" in text(page, ".cnnlab-code pre")
    page.get_by_text("Show the code").click()


@pytest.mark.parametrize("width", [800, 1280])
def test_it_fits_into_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_function("width => window.innerWidth === width", arg=width)
    settle(page)
    overflow = page.evaluate(
        """() => [...document.querySelectorAll('.cnnlab, .cnnlab *')].filter((node) => {
            const outer = document.querySelector('.cnnlab').getBoundingClientRect(), own = node.getBoundingClientRect();
            return own.width && own.height && (own.right > outer.right + 1 || own.left < outer.left - 1);
        }).map((node) => node.className)"""
    )
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.wait_for_function("() => window.innerWidth === 1280")
    settle(page)
    assert overflow == []


def test_it_follows_the_theme(page):
    def brightness(selector: str, what: str) -> float:
        colour = page.eval_on_selector(selector, f"node => getComputedStyle(node).{what}")
        return float(np.mean([float(number) for number in re.findall(r"[\d.]+", colour)[:3]]))

    def theme(name: str) -> None:
        page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        page.wait_for_function(
            "dark => (document.body.dataset.jpThemeLight === 'false') === dark", arg="Dark" in name
        )

    def looks() -> tuple[float, float]:
        return brightness(".cnnlab", "backgroundColor"), brightness(".cnnlab-title", "color")

    theme("JupyterLab Dark")
    eventually(page, lambda: looks()[0] < 80 < 160 < looks()[1], "light on dark")
    theme("JupyterLab Light")
    eventually(page, lambda: looks()[0] > 200 > 100 > looks()[1], "dark on light")


def test_a_second_view_follows_the_first(page):
    page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:create-output-view')")
    page.wait_for_function(f"() => document.querySelectorAll('{CANVAS}[data-drawn]').length === 2")
    page.locator(CANVAS).first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        """() => [...document.querySelectorAll('.cnnlab-readout-place')].every((node) => /column 40/.test(node.textContent))"""
    )
    page.evaluate("() => window.jupyterapp.commands.execute('application:close')")
