"""From a key press to the changed picture, in a real JupyterLab and a real browser. By hand:

    python tests/benchmarks/latency.py [EXPLORER ...] [--presses 30] [--model mini_alexnet]

For each control: milliseconds from the keydown event to the frame in which the first picture, map, curve or bar of the explorer has
changed, and to the frame in which the last one has. The budget for the first is a median under 100 ms on two cores.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser import lab

from cnnlab import diagnostics

WATCH = """() => {
    window.pressed = 0;
    window.changes = [];
    window.addEventListener('keydown', () => { window.pressed = performance.now(); window.changes = []; }, true);
    const note = () => requestAnimationFrame(() => window.changes.push(performance.now() - window.pressed));
    const watch = (node, filter) => new MutationObserver(note).observe(node, { attributes: true, attributeFilter: filter });
    document.querySelectorAll('.cnnlab canvas').forEach((node) => watch(node, ['data-drawn']));
    document.querySelectorAll('.cnnlab .cnnlab-bars').forEach((node) => watch(node, ['data-shown']));
    document.querySelectorAll('.cnnlab .cnnlab-chart img').forEach((node) => watch(node, ['src']));
}"""
SETTLED = 350
"""Milliseconds after the first change within which the last one counts; slow work that goes on beyond is not waited for."""

SLIDE, CHOOSE = ("ArrowRight", "ArrowLeft"), ("ArrowDown", "ArrowUp")
SEARCH = ("PageDown", "PageUp")
"""The keys that walk through a menu that is searched by typing, without opening it."""


def slider(name: str) -> tuple[str, tuple[str, str]]:
    return f'.noUi-handle[aria-label="{name}"]', SLIDE


def picker(name: str) -> tuple[str, tuple[str, str]]:
    return f'select[aria-label="{name}"]', CHOOSE


def searched(name: str) -> tuple[str, tuple[str, str]]:
    return f'input[aria-label="{name}"]', SEARCH


EXPLORERS = {
    "OcclusionExplorer": {
        "occluder, arrow keys": (".cnnlab-stage-canvas", SLIDE),
        "size": slider("Size of the occluder in pixels"),
    },
    "LayersExplorer": {"unit": slider("Unit of the layer"), "row of the map": slider("Row in the map")},
    "FilterExplorer": {"layer": searched("Layer"), "unit": slider("Unit of the layer")},
    "ActivationExplorer": {"layer": searched("Layer"), "channel": slider("Channel of the layer")},
    "NearestNeighboursExplorer": {
        "layer": searched("Layer whose distances count"),
        "k": slider("How many neighbours"),
    },
    "SaliencyExplorer": {"method": picker("Method"), "class": searched("Class that is asked about")},
    "GradCamExplorer": {
        "layer": searched("Layer whose maps are added up"),
        "class": searched("Class that is asked about"),
    },
    "ConvolutionExplorer": {"stride": slider("Stride")},
    "AdversarialExplorer": {"epsilon": slider("Epsilon in steps of 255")},
}
"""What is pressed in which explorer: selector, and the keys that go there and back."""


def measure(page, selector: str, keys: tuple[str, str], presses: int) -> list[tuple[float, float]]:
    """(milliseconds to the first change, to the last one) for each press."""
    page.locator(f"{selector}:visible").first.focus()
    for _ in range(
        3
    ):  # away from the first choice, which often says the same as the second: the predicted class
        page.keyboard.press(keys[0])
        page.wait_for_timeout(2 * SETTLED)
    times = []
    for number in range(presses + 4):
        page.keyboard.press(keys[(number + 1) % 2])
        page.wait_for_function("() => window.changes.length", timeout=15_000, polling=5)
        page.wait_for_timeout(SETTLED)
        changes = page.evaluate("() => window.changes")
        times.append((changes[0], max(one for one in changes if one <= changes[0] + SETTLED)))
    return times[4:]  # the first ones warm up


def told(values: list[float]) -> str:
    ranked = sorted(values)
    return f"median {statistics.median(ranked):6.1f}, nine in ten under {ranked[int(0.9 * len(ranked))]:6.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("explorers", nargs="*", default=list(EXPLORERS), metavar="EXPLORER")
    parser.add_argument("--presses", type=int, default=30)
    parser.add_argument("--model", default="mini_alexnet")
    options = parser.parse_args()
    chromium = diagnostics.browser()
    if chromium is None:
        sys.exit("There is no Chromium or Chrome on this machine.")
    print("milliseconds to the first change; to the last one")
    with (
        tempfile.TemporaryDirectory() as folder,
        lab.Lab(Path(folder)) as server,
        lab.Browser(chromium) as browser,
    ):
        for name in options.explorers:
            cell = f"from cnnlab.explorers import {name}\nexplorer = {name}({options.model!r})\nexplorer"
            lab.write_notebook(Path(folder, f"{name}.ipynb"), cell)
            notebook = browser.open(server.address(f"{name}.ipynb"))
            if failures := notebook.run_all():
                sys.exit(f"The notebook fails: {failures}")
            page = notebook.page
            page.wait_for_selector(".cnnlab .cnnlab-controls")
            page.wait_for_timeout(5_000)  # searches that begin by themselves
            page.evaluate(WATCH)
            for control, (selector, keys) in EXPLORERS[name].items():
                first, last = zip(*measure(page, selector, keys, options.presses), strict=True)
                print(f"{name:20} {control:22} {told(first)}; {told(last)}", flush=True)
            page.close()


if __name__ == "__main__":
    main()
