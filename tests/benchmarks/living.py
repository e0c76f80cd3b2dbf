"""How long an explorer that lives in a page takes from a key press to its answer, and how much a reader loads for it.

    python tests/benchmarks/living.py build/site [explorer ...]

The site is served from this machine and opened in Chromium without a cache. `ready` is the time from the press on "Bring it to life" to the
explorer's first answer, `megabytes` what was loaded until then, `press` the median time from a key press to the answer, of 50.
"""

from __future__ import annotations

import statistics
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser.lab import Browser

from cnnlab import diagnostics, site
from cnnlab.site.living import LIVING

PRESSES = 50
CONTROLS = {
    "convolution": ("Bias", "slider"),
    "activation": ("Channel of the layer", "slider"),
    "occlusion": ("canvas.cnnlab-stage-canvas", ""),
    "saliency": ("Class that is asked about", "menu"),
    "grad_cam": ("Layer whose maps are added up", "menu"),
    "adversarial": ("Epsilon", "slider"),
}
"""The control that is pressed: keys that go there and back again."""
PRESS = """(key) => new Promise((done) => {
    const begun = performance.now();
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, code: key, bubbles: true, cancelable: true }));
    const look = () => (kernel.answering ? requestAnimationFrame(look) : requestAnimationFrame(() => done(performance.now() - begun)));
    look();
})"""


def measure(page, address: str, living) -> dict[str, float]:
    """What opening the explorer and pressing its key costs; times in milliseconds."""
    loaded = []
    page.on("response", lambda response: response.url.startswith(address) and loaded.append(response))
    page.goto(f"{address}notebooks/{living.notebook}.html", wait_until="networkidle")
    page.evaluate("() => { window.begun = performance.now(); }")
    page.click(f"[data-explorer='{living.notebook}-{living.cell}'] button")
    page.wait_for_selector("[data-alive] .cnnlab", timeout=120_000)
    ready = page.evaluate("performance.now() - begun")
    size = sum(int(response.headers.get("content-length", 0)) for response in loaded)
    page.evaluate("() => { window.kernel = document.querySelector('[data-explorer]').kernel; }")
    page.wait_for_function("kernel.answering + kernel.meanwhile === 0", timeout=120_000)
    name, kind = CONTROLS[living.script]
    control = page.get_by_role("slider", name=name) if kind == "slider" else page.get_by_label(name)
    (control if kind else page.locator(name)).focus()
    keys = ("PageDown", "PageUp") if kind == "menu" else ("ArrowRight", "ArrowLeft")
    times = [page.evaluate(PRESS, keys[turn % 2]) for turn in range(PRESSES)]
    return {"ready": ready, "megabytes": size / 1e6, "press": statistics.median(times)}


def main(folder: Path, wanted: list[str]) -> None:
    """Measure the explorers of a built site and print a line for each."""
    server = site.serve(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for living in LIVING:
        if wanted and living.script not in wanted:
            continue
        with Browser(diagnostics.browser()) as browser:
            found = measure(browser.blank(), f"http://127.0.0.1:{server.server_port}/", living)
        print(
            f"{living.script:12}",
            "  ".join(f"{name} {value:7.1f}" for name, value in found.items()),
            flush=True,
        )
    server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
