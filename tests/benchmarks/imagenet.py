"""What the packaged ImageNet networks cost, on photographs: `python tests/benchmarks/imagenet.py [network ...]`.

Loading is timed in fresh processes, from the moment torch is imported, with an empty cache folder and with the folder that the first
one has filled; the fastest of three counts, and each must be under a second. The rest is one run each, of what the notebooks and
explorers do. Some ten minutes on two cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable

import torch
from timing import timed

import cnnlab
from cnnlab.attribution import occlusion
from cnnlab.networks.imagenet import PACKAGED
from cnnlab.synthesis import channel, deepdream, maximise, transfer_style

LOAD = "import time, torch; start = time.perf_counter(); import cnnlab; cnnlab.load({!r}); print(time.perf_counter() - start)"
MOST = 1.0
CLASSES = (
    "golden retriever",
    "indigo bunting",
    "flamingo",
    "tarantula",
    "goldfish",
    "daisy",
    "volcano",
    "pirate",
    "tabby",
    "dalmatian",
    "peacock",
    "strawberry",
    "sunglasses",
    "espresso",
    "mushroom",
    "school bus",
)
LAYERS = {"squeezenet": ("fire7", "fire5"), "efficientnet_lite0": ("block11", "block7")}
"""Whose channels are drawn, and what is dreamt of."""


def loading(name: str, cache: str) -> float:
    """Seconds that a fresh process needs to load the network after it has imported torch."""
    command = [sys.executable, "-c", LOAD.format(name)]
    run = subprocess.run(
        command, env=os.environ | {"CNNLAB_CACHE": cache}, capture_output=True, text=True, check=True
    )
    return float(run.stdout)


def loads(name: str) -> dict[str, float]:
    """Seconds to load with an empty cache folder, and with one that holds the weights: the fastest of three each."""
    cold, warm = [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(loading(name, cache))
            warm.append(loading(name, cache))
    return {"load, empty cache": min(cold), "load": min(warm)}


def jobs(name: str) -> dict[str, Callable[[], object]]:
    """What is timed, by what it is called in the table."""
    model, photos = cnnlab.load(name), cnnlab.photographs()
    cat, cup = photos["chelsea"].image(224), photos["coffee"].image(224)
    drawn, dreamt = LAYERS[name]
    return {
        "occlusion, 289 places, 224 px": lambda: occlusion(model, cat, size=32, stride=12),
        "16 class images, 100 steps, 160 px": lambda: maximise(model, CLASSES, steps=100, size=160),
        "64 channel images, 100 steps, 128 px": lambda: maximise(
            model, channel(drawn, range(64)), steps=100, size=128
        ),
        "dream, 4 octaves of 30 steps, 224 px": lambda: deepdream(model, cat, dreamt),
        "style transfer, 150 steps, 224 px": lambda: transfer_style(model, cat, cup),
    }


def main() -> None:
    """A table of seconds, a column for each network; exits with 0 if each loads in under a second."""
    names = sys.argv[1:] or list(PACKAGED)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; seconds")
    table: dict[str, dict[str, float]] = {}
    for name in names:
        table[name] = loads(name) | {what: timed(work)[0] for what, work in jobs(name).items()}
    print(f"{'':38}" + "".join(f"{name:>20}" for name in names))
    for what in table[names[0]]:
        print(f"{what:38}" + "".join(f"{table[name][what]:20.2f}" for name in names))
    slow = [name for name in names if max(table[name]["load"], table[name]["load, empty cache"]) >= MOST]
    sys.exit(f"not loaded in {MOST:.0f} s: {', '.join(slow)}" if slow else 0)


if __name__ == "__main__":
    main()
