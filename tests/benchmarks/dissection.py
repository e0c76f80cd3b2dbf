"""Dissection of every convolutional layer over 1 000 pictures, timed: `python tests/benchmarks/dissection.py [network ...]`.

Two numbers count. Time: all convolutional layers of mini_alexnet over 1 000 pictures in less than two minutes on two cores. Memory:
twice as many pictures must not take more than their concepts (14 kB a picture) and a little beside, for maps are streamed and of each unit
only the largest values are kept. The bare forward passes, two of them, are timed as well: the ratio tells what the looking costs.
"""

from __future__ import annotations

import resource
import sys
import time

import torch

from cnnlab import load, world
from cnnlab.networks.data_loading import picture_batches
from cnnlab.units import dissect

WANTED = 120.0
PICTURES = 1_000
MOST_GROWTH = 150_000_000


def peak() -> int:
    """The most memory that this process has ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forward(model: torch.nn.Module, data: world.Dataset) -> float:
    """Seconds for two bare passes over the pictures."""
    start = time.perf_counter()
    with torch.inference_mode():
        for _ in range(2):
            for images in picture_batches(data, 50):
                model(images)
    return time.perf_counter() - start


def measure(name: str) -> float:
    """Dissect half of the pictures and then all, print a line, and give the seconds that all took."""
    model = load(name).eval()
    half, whole = (world.dataset("validation", n=n, progress=False) for n in (PICTURES // 2, PICTURES))
    dissect(model, half)
    before = peak()
    start = time.perf_counter()
    found = dissect(model, whole)
    seconds = time.perf_counter() - start
    grown = peak() - before
    bare = forward(model, whole)
    units = sum(len(one.iou) for one in found.values())
    print(
        f"{name:13} {len(found)} layers, {units} units, {PICTURES} pictures: {seconds:5.1f} s, {seconds / bare:.1f} times two bare"
        f" passes ({bare:.1f} s); {grown / 1e6:.0f} MB more than for half of them, {before / 1e6:.0f} MB in all",
        flush=True,
    )
    if grown > MOST_GROWTH:
        raise SystemExit(f"{name}: memory grew by {grown / 1e6:.0f} MB with the number of pictures")
    return seconds


if __name__ == "__main__":
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    names = sys.argv[1:] or ["mini_alexnet"]
    slow = [name for name in names if measure(name) >= WANTED]
    raise SystemExit(f"not in {WANTED:.0f} s: {', '.join(slow)}" if slow else 0)
