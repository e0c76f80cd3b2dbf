"""Explorers that live in a page answer as their notebook does: the same front end, the same numbers."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from io import BytesIO
from pathlib import Path

import furo
import numpy as np
import pytest
import torch
from browser.accessible import faults
from browser.lab import Browser, choose
from PIL import Image

import cnnlab as lab
from cnnlab import diagnostics, site
from cnnlab.explorers.dataset_picker import usual_pictures
from cnnlab.explorers.render import convolution, saliency
from cnnlab.explorers.render.activations import patch_captions
from cnnlab.explorers.snippet import snippet
from cnnlab.site import living, packages
from cnnlab.site.pages import ROOM, SCRIPT

PAGE = f"""<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><html lang="en"><title>A page</title>
<link rel="stylesheet" href="furo.css"><link rel="stylesheet" href="site.css"><body style="padding: 0 0.5rem"><h1>An explorer</h1>
{ROOM}{SCRIPT.replace("../", "")}"""


def made_once(folder: Path, make) -> None:
    """Fill a folder that the workers of a run share: the first makes it, the others wait for it."""
    try:
        folder.mkdir()
    except FileExistsError:
        while not any((folder / word).exists() for word in ("made", "failed")):
            time.sleep(0.5)
        return
    try:
        make()
        (folder / "made").touch()
    except BaseException as error:
        (folder / "failed").write_text(str(error), "utf-8")


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A server for pages with one explorer each."""
    run = tmp_path_factory.getbasetemp()
    shared = (run.parent if os.environ.get("PYTEST_XDIST_WORKER") else run) / "living"
    made_once(shared, lambda: living.write_living(shared / "alive"))
    if (shared / "failed").exists():
        reason = (shared / "failed").read_text("utf-8")
        assert "npm" in reason, reason
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("pages")
    (folder / "alive").symlink_to(shared / "alive")
    (folder / "index.html").write_text("pages of explorers")
    shutil.copy(Path(furo.__file__).parent / "theme" / "furo" / "static" / "styles" / "furo.css", folder)
    shutil.copy(Path(site.__file__).parent / "site.css", folder)
    for explorer in living.LIVING:
        name = f"{explorer.notebook}-{explorer.cell}"
        (folder / f"{explorer.script}.html").write_text(PAGE.replace("{explorer}", name), "utf-8")
    server = site.serve(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    with Browser(diagnostics.browser()) as started:
        yield started


@pytest.fixture
def open_page(host, browser):
    """Opens an explorer's page and brings it to life; the page must raise no error and ask no other host."""
    address, _ = host
    page, errors = browser.blank(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request",
        lambda request: request.url.startswith((address, "blob:", "data:")) or errors.append(request.url),
    )

    def open_it(script: str):
        page.goto(f"{address}{script}.html")
        page.click("[data-explorer] button")
        page.wait_for_selector("[data-alive] .cnnlab", timeout=120_000)
        page.evaluate("() => { window.kernel = document.querySelector('[data-explorer]').kernel; }")
        return page

    yield open_it
    page.close()
    assert not errors


def seen(folder, name: str, side: int) -> torch.Tensor:
    """The picture as the page's network sees it."""
    with Image.open(BytesIO((folder / "alive" / "pictures" / f"{name}-{side}.png").read_bytes())) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).float() / 255


def the_map(page, expression: str) -> torch.Tensor:
    """A map of the page as a tensor."""
    return torch.tensor(json.loads(page.evaluate(f"JSON.stringify(Array.from({expression}))")))


def assert_alike(found: torch.Tensor, wanted: torch.Tensor):
    """Two maps are equal to a hundredth of their range."""
    reach = float(wanted.max() - wanted.min())
    assert reach > 0
    assert float((found.view_as(wanted) - wanted).abs().max()) <= 0.01 * reach


def is_at_rest(page):
    """Wait until the page has computed what it was asked for."""
    page.wait_for_function("kernel.answering + kernel.meanwhile === 0", timeout=120_000)


def shares(page) -> dict[str, float]:
    return {row["name"]: row["now"] for row in page.evaluate("kernel.get('bars', 'entries')")}


def assert_same_answer(page, model, image: torch.Tensor):
    """The logits that the page has computed are those of the network in Python."""
    with torch.inference_mode():
        wanted = model(image[None])[0]
    torch.testing.assert_close(the_map(page, "kernel.answers.logits()"), wanted, atol=1e-3, rtol=0)


def test_the_occluder_answers_as_in_the_notebook(host, open_page):
    page, (_, folder) = open_page("occlusion"), host
    page.focus("canvas.cnnlab-stage-canvas")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_function("kernel.get('canvas', 'result').box.join() === kernel.get('canvas', 'box').join()")
    left, top, size = page.evaluate("kernel.get('canvas', 'box')")
    model, image = lab.load("squeezenet"), seen(folder, "chelsea", 224)
    covered = lab.attribution.occlude(image, top=top, left=left, size=size)
    assert_same_answer(page, model, covered)
    now = lab.networks.forward.probabilities(model, covered)
    for name, share in shares(page).items():
        assert share == pytest.approx(float(now[model.class_names.index(name)]), abs=1e-3)


def test_the_map_of_a_rendered_picture_is_that_of_the_notebook(host, open_page):
    page, (_, folder) = open_page("occlusion"), host
    page.locator("select[aria-label='Network']").select_option("mini_alexnet")
    page.get_by_role("radio", name="Rendered").click()
    page.wait_for_function("kernel.get('canvas', 'side') === 96 && kernel.get('status').includes('seed')")
    page.evaluate("() => { kernel.models.stride.set('value', 18); }")
    page.get_by_role("button", name="Fill in the map").click()
    page.wait_for_function("kernel.answers.map()?.done === 1", timeout=120_000)
    drawn = page.evaluate("kernel.answers.map()")
    name, model = page.evaluate("kernel.get('rendered')"), lab.load("mini_alexnet")
    wanted = lab.occlusion(model, seen(folder, name, 96), size=drawn["size"], stride=18)
    assert drawn["rows"] == wanted.rows.tolist() and drawn["target"] == wanted.target
    torch.testing.assert_close(
        torch.tensor(drawn["probability"]), wanted.probability.flatten(), atol=1e-3, rtol=0
    )
    assert drawn["predicted"] == wanted.predicted.flatten().tolist()
    assert page.locator(".cnnlab-finding").first.inner_text().startswith(model.class_names[wanted.target])


def test_a_step_along_the_signs_is_that_of_the_notebook(host, open_page):
    page, (_, folder) = open_page("adversarial"), host
    page.get_by_role("slider", name="Epsilon").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "kernel.answers.flip() !== undefined && kernel.get('status').startsWith('Epsilon 1.25')",
        timeout=120_000,
    )
    model, image = lab.load("squeezenet"), seen(folder, "chelsea", 224)
    attacked = lab.fgsm(model, image, "ostrich", epsilon=1.25 / 255, targeted=True)
    drawn = torch.tensor(list(page.evaluate("Array.from(kernel.answers.attacked().pixels)"))).view_as(image)
    assert ((drawn - attacked).abs() < 1e-5).float().mean() > 0.999, (
        "a gradient of nearly zero may have either sign"
    )
    assert_same_answer(page, model, drawn)
    now = lab.networks.forward.probabilities(model, attacked)
    for name, share in shares(page).items():
        assert share == pytest.approx(float(now[model.class_names.index(name)]), abs=1e-3)
    sign = -lab.robustness.loss_gradient(model, image, "ostrich")
    flip = lab.robustness.minimal_epsilon(model, image, gradient=sign)
    assert page.evaluate("kernel.answers.flip()") == pytest.approx(255 * float(flip.epsilon), abs=0.11)


def test_the_sum_of_a_convolution_is_that_of_the_notebook(host, open_page):
    page, (_, folder) = open_page("convolution"), host
    page.get_by_role("combobox", name="Kernel", exact=True).select_option("learned by the network")
    for name, presses in (("Stride", 1), ("Padding", 2), ("Dilation", 2), ("Bias", 3)):
        page.get_by_role("slider", name=name, exact=True).focus()
        for _ in range(presses):
            page.keyboard.press("ArrowRight")
    is_at_rest(page)
    drawn = page.evaluate(
        "(() => { const s = kernel.answers.state(); return {...s, output: [...s.output], value: s.step.value}; })()"
    )
    picture = seen(folder, "chelsea", 96)
    weight = lab.units.filters(lab.load("squeezenet"))[0].sum(0, keepdim=True)
    steps = {"stride": 2, "padding": 2, "dilation": 3}
    wanted = convolution.State(convolution.grey(picture, 24), weight, 0.3, **steps)
    assert {name: drawn[name] for name in steps} == steps
    assert_alike(torch.tensor(drawn["output"]), wanted.output().flatten())
    assert drawn["value"] == pytest.approx(wanted.step_at(*drawn["position"]).value, abs=1e-4)
    said = lab.networks.explain_output_size(24, 3, **steps)
    assert said in page.locator(".cnnlab").inner_text()
    assert (
        convolution.sum_sentence(wanted.step_at(*drawn["position"]), weight, 9)
        in page.locator(".cnnlab").inner_text()
    )


@pytest.mark.parametrize(("size", "dilation", "padding"), [(9, 6, 0), (9, 6, 1), (9, 1, 0)])
def test_what_fits_nowhere_is_said_as_in_the_notebook(open_page, size, dilation, padding):
    page = open_page("convolution")
    changes = {"pixels": 8 if dilation == 1 else 24, "size": size, "padding": padding, "dilation": dilation}
    for name, value in changes.items():
        page.evaluate("([name, value]) => { kernel.models[name].set('value', value); }", [name, value])
    is_at_rest(page)
    with pytest.raises(ValueError, match="fits nowhere") as error:
        lab.networks.output_size(changes["pixels"], size, padding=padding, dilation=dilation)
    assert page.get_by_role("alert").inner_text() == str(error.value)


def test_maps_fields_and_patches_are_those_of_the_notebook(host, open_page):
    page, (_, folder) = open_page("activation"), host
    assert page.evaluate("kernel.get('layer', '_labels')[kernel.get('layer', 'index')]") == "fire7"
    page.get_by_role("slider", name="Channel of the layer").focus()
    page.keyboard.press("ArrowRight")
    is_at_rest(page)
    model, image = lab.load("squeezenet"), seen(folder, "astronaut", 224)
    assert_same_answer(page, model, image)
    maps = lab.networks.activations(model, image, "fire7")["fire7"]
    assert_alike(the_map(page, "kernel.answers.maps().flatMap((map) => [...map])"), maps)
    row, column = page.evaluate("kernel.get('map', 'point').slice(1)")
    top, left, bottom, right = lab.networks.receptive_field(model, "fire7", 224).box(row, column)
    said = f"it sees rows {top} to {bottom - 1}, columns {left} to {right - 1}"
    assert page.evaluate("kernel.get('image_view', 'readout')") == said
    pictures = usual_pictures(model.class_names)
    best = lab.units.top_patches(model, pictures.images.float() / 255, "fire7", k=9, units=[143])
    assert page.evaluate("kernel.get('patch_grid', 'captions')") == patch_captions(best, pictures)


def test_the_maps_of_another_network_are_its_own(host, open_page):
    page, (_, folder) = open_page("activation"), host
    page.get_by_role("combobox", name="Network", exact=True).select_option("mini_alexnet")
    is_at_rest(page)
    model, image = lab.load("mini_alexnet"), seen(folder, "astronaut", 96)
    assert_same_answer(page, model, image)
    layer = page.evaluate("kernel.answers.layer().name")
    maps = lab.networks.activations(model, image, layer)[layer]
    assert_alike(the_map(page, "kernel.answers.maps().flatMap((map) => [...map])"), maps)


@pytest.mark.parametrize(
    "method", ["gradient", "deconvnet", "guided backprop", "SmoothGrad", "integrated gradients"]
)
def test_a_saliency_map_is_that_of_the_notebook(host, open_page, method):
    page, (_, folder) = open_page("saliency"), host
    is_at_rest(page)
    page.evaluate("() => { kernel.models.samples.set('value', 3); }")
    page.get_by_role("combobox", name="Method", exact=True).select_option(method)
    page.get_by_role("combobox", name="Score: logit or probability").select_option("probability")
    is_at_rest(page)
    model, image = lab.load("squeezenet"), seen(folder, "chelsea", 224)
    options = {} if method in saliency.METHODS[1:3] else {"score": "probability"}
    options |= {"SmoothGrad": {"samples": 3, "noise": 0.15}, "integrated gradients": {"steps": 3}}.get(
        method, {}
    )
    technique = getattr(
        lab.attribution,
        {
            "gradient": "gradient",
            "deconvnet": "deconvnet",
            "guided backprop": "guided_backprop",
            "SmoothGrad": "smoothgrad",
        }.get(method, "integrated_gradients"),
    )
    assert_alike(the_map(page, f"kernel.answers.maps()['{method}']"), technique(model, image, **options))
    assert_same_answer(page, model, image)


def test_the_saliency_of_a_unit_of_a_rendered_picture_is_that_of_the_notebook(host, open_page):
    page, (_, folder) = open_page("saliency"), host
    page.get_by_role("combobox", name="Network", exact=True).select_option("mini_alexnet")
    page.get_by_role("radio", name="Rendered").click()
    choose(page, "What is asked: a class score or a layer", "relu5")
    page.get_by_role("slider", name="Unit of the layer").focus()
    page.keyboard.press("ArrowRight")
    is_at_rest(page)
    name, model = page.evaluate("kernel.get('rendered')"), lab.load("mini_alexnet")
    image = seen(folder, name, 96)
    map = lab.attribution.gradient(model, image, layer="relu5", unit=1)
    assert_alike(the_map(page, "kernel.answers.maps().gradient"), map)
    mask = living.page_data.rendered()[name].mask(96)
    finding = saliency.describe_map(
        saliency.per_pixel(map, "size"), mask, living.page_data.rendered()[name].object_name
    )
    assert page.evaluate("kernel.get('finding')") == finding


def test_the_numbers_under_the_pointer_are_those_of_the_saliency_map_that_is_shown(host, open_page):
    page, _ = open_page("saliency"), host
    is_at_rest(page)
    page.evaluate("() => { kernel.models.main_view.set('point', [0, 240, 180]); }")
    is_at_rest(page)
    first = page.evaluate("kernel.get('main_view', 'readout')")
    page.get_by_role("combobox", name="Method", exact=True).select_option("guided backprop")
    is_at_rest(page)
    side = 224
    row, column = 240 * side // 480, 180 * side // 480
    red = float(page.evaluate(f"kernel.answers.maps()['guided backprop'][{row * side + column}]"))
    second = page.evaluate("kernel.get('main_view', 'readout')")
    assert first.startswith(f"row {row}, column {column}: ") and second != first
    assert float(second.split("red ")[1].split(",")[0]) == pytest.approx(red, rel=0.06)


def test_a_class_map_is_that_of_the_notebook_here_and_elsewhere(host, open_page):
    page, (_, folder) = open_page("grad_cam"), host
    page.wait_for_function("kernel.get('grid', 'captions').length === 10", timeout=120_000)
    model = lab.load("sheep_goat_meadow")
    image = seen(folder, "goat-meadow", 224)
    wanted = lab.grad_cam(model, image)
    assert_alike(the_map(page, "kernel.answers.result().map"), wanted)
    assert_same_answer(page, model, image)
    page.get_by_role("combobox", name="Network", exact=True).select_option("wolf_husky")
    is_at_rest(page)
    page.evaluate("() => { kernel.models.grid.set('selected', 3); }")
    page.get_by_label("Multiply by guided backpropagation").check()
    is_at_rest(page)
    name, model = page.evaluate("kernel.get('rendered')"), lab.load("wolf_husky")
    assert name == "goat-snow"
    assert_same_answer(page, model, seen(folder, name, 224))
    guided = lab.attribution.guided_grad_cam(model, seen(folder, name, 224))
    assert_alike(the_map(page, "kernel.answers.result().map"), guided)


def test_a_class_map_of_another_layer_keeps_what_speaks_against_it(host, open_page):
    page, (_, folder) = open_page("grad_cam"), host
    choose(page, "Layer whose maps are added up", "fire5")
    choose(page, "Class that is asked about", "sheep")
    page.get_by_label("Leave out what speaks against the class").uncheck()
    is_at_rest(page)
    wanted = lab.grad_cam(
        lab.load("sheep_goat_meadow"), seen(folder, "goat-meadow", 224), "sheep", "fire5", relu=False
    )
    assert_alike(the_map(page, "kernel.answers.result().map"), wanted)


CHANGES = {
    "convolution": {
        "stride": ("value", 2),
        "kernel": ("index", 6),
        "unit": ("value", 5),
        "bias": ("value", 0.3),
    },
    "activation": {"layer": ("index", 4), "channel": ("value", 3), "n_patches": ("value", 4)},
    "occlusion": {"fill": ("index", 2), "size": ("value", 60), "target": ("index", 9)},
    "saliency": {
        "method": ("index", 3),
        "score": ("index", 1),
        "samples": ("value", 2),
        "noise": ("value", 0.25),
    },
    "grad_cam": {"layer": ("index", 3), "target": ("index", 1), "relu": ("value", False)},
    "adversarial": {"epsilon": ("value", 2.5), "target": ("index", 0)},
}


@pytest.mark.parametrize("explorer", living.LIVING, ids=lambda explorer: explorer.script)
def test_the_code_shown_is_that_of_the_notebook(open_page, explorer):
    page, notebook = open_page(explorer.script), explorer.make()
    page.get_by_text("Show the code").click()
    shown = page.get_by_label("Code that reproduces this picture")
    shown.filter(has_text="import cnnlab").wait_for()

    def assert_same_code():
        is_at_rest(page)
        name = page.evaluate("kernel.networkName")
        wanted = notebook.code().replace(f'networks["{name}"]', f'cnnlab.load("{name}")')
        assert shown.inner_text() == snippet(*wanted.split("\n\n", 1)[1].split("\n"))

    assert_same_code()
    for control, (trait, value) in CHANGES[explorer.script].items():
        page.evaluate(
            "(change) => { kernel.models[change[0]].set(...change.slice(1)); }", [control, trait, value]
        )
        setattr(getattr(notebook, control), trait, value)
        is_at_rest(page)
    assert_same_code()


def test_what_could_not_be_loaded_is_loaded_by_the_next_press(host, browser):
    page = browser.blank()
    try:
        page.route("**/*.onnx", lambda route: route.abort())
        page.goto(f"{host[0]}occlusion.html")
        page.click("[data-explorer] button")
        page.get_by_role("button", name="Try again").wait_for(timeout=120_000)
        assert "did not work" in page.locator("[role=status]").inner_text()
        page.unroute("**/*.onnx")
        page.click("[data-explorer] button")
        page.wait_for_selector("[data-alive] .cnnlab", timeout=120_000)
    finally:
        page.close()


def test_the_first_explorer_loads_what_its_page_says(host, browser):
    page, sizes = browser.blank(), []
    page.on(
        "response",
        lambda response: (
            response.url.startswith(host[0]) and sizes.append(int(response.headers.get("content-length", 0)))
        ),
    )
    page.goto(f"{host[0]}saliency.html")
    said = int(re.search(r"some (\d+) MB", page.get_by_role("status").inner_text())[1])
    page.click("[data-explorer] button")
    page.wait_for_selector("[data-alive] .cnnlab", timeout=120_000)
    page.close()
    assert sum(sizes) / 1e6 == pytest.approx(said, rel=0.2)


def test_a_page_from_a_folder_says_what_to_do(host, browser):
    page = browser.blank()
    page.goto((host[1] / "occlusion.html").as_uri())
    assert page.get_by_role("button").is_disabled()
    assert "cnnlab site --serve" in page.get_by_role("status").inner_text()
    page.close()


def test_a_curve_is_as_dark_as_its_page(open_page):
    page = open_page("adversarial")
    page.wait_for_function("kernel.answers.flip() !== undefined", timeout=120_000)
    for scheme, dark in (("dark", True), ("light", False)):
        page.emulate_media(color_scheme=scheme)
        with Image.open(BytesIO(page.locator(".cnnlab-chart img").screenshot())) as curve:
            brightness = np.array(curve.convert("L"))
        assert (np.median(brightness) < 100) == dark
        assert np.ptp(brightness) > 100


@pytest.mark.parametrize("script", [explorer.script for explorer in living.LIVING])
def test_a_living_explorer_is_accessible_and_fits_a_phone(open_page, script):
    page = open_page(script)
    is_at_rest(page)
    assert not faults(page)
    for width in (360, 800, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("script", [explorer.script for explorer in living.LIVING])
def test_a_photo_of_the_readers_own_stays_in_the_page(open_page, tmp_path, script):
    page = open_page(script)
    photo = tmp_path / "photo.png"
    Image.fromarray(np.tile(np.arange(0, 240, 2, dtype=np.uint8)[:, None, None], (1, 90, 3))).save(photo)
    asked = []
    page.on("request", lambda request: request.method == "GET" or asked.append(request.url))
    page.locator("input[type=file]").set_input_files(photo)
    page.wait_for_function("kernel.get('upload', 'photo_name') === 'photo.png'")
    is_at_rest(page)
    assert not asked and not page.get_by_role("alert").is_visible()
    assert page.evaluate("kernel.picture().then((picture) => picture.description)") == "photo photo.png"
    assert 'image = cnnlab.photo("photo.png", size=' in page.evaluate("kernel.get('code', 'code')")


def test_while_no_photo_is_given_the_picture_before_stays_and_the_controls_work(open_page):
    page = open_page("grad_cam")
    is_at_rest(page)
    page.get_by_role("radio", name="Own photo").click()
    page.locator("select").first.select_option("sheep_goat")
    is_at_rest(page)
    assert "sheep_goat says" in page.evaluate("kernel.get('status')")
    page.evaluate("() => { kernel.models.grid.set('selected', 1); }")
    is_at_rest(page)
    assert page.evaluate("kernel.get('kind')") == "rendered" and "rocks" in page.evaluate(
        "kernel.picture().then((picture) => picture.description)"
    )
    assert not page.get_by_role("alert").is_visible()


def test_an_archive_that_is_not_the_pinned_one_is_refused(monkeypatch):
    monkeypatch.setattr(packages.shutil, "which", lambda _name: None)
    with pytest.raises(RuntimeError, match="npm, which is not here"):
        packages.fetch(packages.PACKAGES[0])
