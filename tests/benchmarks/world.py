"""The world's speed on one core: `python tests/benchmarks/world.py`.

The first picture of a new process, torch and cnnlab being imported: with an empty cache, when textures are drawn, and with the cache that
this leaves. Then pictures a second, with all maps and without any. Medians; processor time, so that what else the machine does counts less.

Wanted: the first picture in 0.3 s with the cache; at 96 x 96, 150 pictures a second with all maps, 300 without.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch

from cnnlab import world

FIRST = """
import time, torch
from cnnlab import world
start = time.perf_counter()
world.render({seed})
print(time.perf_counter() - start)
"""
MAPS = (*world.NAMES, "instance", "box")


def first_pictures(count: int = 8) -> tuple[float, float]:
    """Seconds for the first picture of a process, medians over seeds: with an empty cache, and with a full one."""
    seconds = ([], [])
    for seed in range(count):
        with tempfile.TemporaryDirectory() as cache:
            for times in seconds:
                command = [sys.executable, "-c", FIRST.format(seed=seed)]
                ran = subprocess.run(
                    command,
                    env={**os.environ, "CNNLAB_CACHE": cache},
                    capture_output=True,
                    text=True,
                    check=True,
                )
                times.append(float(ran.stdout))
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def rate(size: int, count: int, maps: bool) -> float:
    """Pictures a second."""
    start = time.process_time()
    for seed in range(count):
        picture = world.render(seed, size=size)
        if maps:
            for category in MAPS:
                getattr(picture, category)
    return count / (time.process_time() - start)


if __name__ == "__main__":
    torch.set_num_threads(1)
    empty, full = first_pictures()
    print(f"first picture of a process: {empty:.2f} s with an empty cache, {full:.2f} s with its textures")
    for seed in range(100):  # textures are read, and shrunk, once a process
        world.render(seed)
    for size, count in ((96, 200), (224, 40), (480, 10)):
        rounds = [[rate(size, count, maps) for maps in (True, False)] for _ in range(5)]
        with_maps, without = map(statistics.median, zip(*rounds, strict=True))
        print(f"{size} x {size}: {with_maps:.0f} pictures a second with all maps, {without:.0f} without")
