"""From a key press to the changed picture, in a real JupyterLab and a real browser. By hand:

    python tests/benchmarks/latency.py [--presses 40] [--model mini_alexnet]

For each control: milliseconds from the keydown event to the frame in which the picture, or the bars with the network's answer,
have changed. The budget for the answer is a median under 100 ms for a network of the kit on two cores.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser import lab

from cnnlab import doctor

WATCH = """() => {
    window.pressed = 0;
    window.changed = {};
    window.addEventListener('keydown', () => { window.pressed = performance.now(); window.changed = {}; }, true);
    const watch = (name, node, attributes) => new MutationObserver(() => requestAnimationFrame(() => {
        window.changed[name] ??= performance.now();
    })).observe(node, { attributes: true, attributeFilter: attributes });
    watch('picture', document.querySelector('.cnnlab-stage-canvas'), ['data-drawn']);
    watch('answer', document.querySelector('.cnnlab-bars'), ['data-shown']);
}"""
DONE = "() => window.changed.picture && window.changed.answer"
TIMES = "() => [window.changed.picture - window.pressed, window.changed.answer - window.pressed]"
CONTROLS = {
    "occluder, arrow keys": (".cnnlab-stage-canvas", ("ArrowRight", "ArrowLeft")),
    "size slider": (".cnnlab-is-size .noUi-handle", ("ArrowRight", "ArrowLeft")),
}


def measure(notebook: lab.Notebook, selector: str, keys: tuple[str, str], presses: int) -> list[list[float]]:
    """[milliseconds to the picture, milliseconds to the answer] for each press."""
    page = notebook.page
    page.locator(selector).first.focus()
    times = []
    for number in range(presses + 3):
        page.keyboard.press(keys[number % 2])
        page.wait_for_function(DONE, timeout=10_000, polling=5)
        times.append(page.evaluate(TIMES))
        page.wait_for_timeout(120)
    return times[3:]  # the first ones warm up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presses", type=int, default=40)
    parser.add_argument("--model", default="mini_alexnet")
    options = parser.parse_args()
    chromium = doctor.browser()
    if chromium is None:
        sys.exit("There is no Chromium or Chrome on this machine.")
    with tempfile.TemporaryDirectory() as folder:
        cell = f"from cnnlab.explorers import OcclusionExplorer\nexplorer = OcclusionExplorer({options.model!r})\nexplorer"
        lab.write_notebook(Path(folder, "latency.ipynb"), cell)
        with lab.Lab(Path(folder)) as server, lab.Browser(chromium) as browser:
            notebook = browser.open(server.address("latency.ipynb"))
            if failures := notebook.run_all():
                sys.exit(f"The notebook fails: {failures}")
            notebook.page.wait_for_selector(".cnnlab-bar")
            notebook.page.evaluate(WATCH)
            for name, (selector, keys) in CONTROLS.items():
                times = measure(notebook, selector, keys, options.presses)
                for what, values in zip(("picture", "answer"), zip(*times, strict=True), strict=True):
                    ranked = sorted(values)
                    print(
                        f"{name:22} to {what:8} median {statistics.median(ranked):6.1f} ms,"
                        f" nine in ten under {ranked[int(0.9 * len(ranked))]:6.1f} ms, slowest {ranked[-1]:6.1f} ms"
                    )


if __name__ == "__main__":
    main()
