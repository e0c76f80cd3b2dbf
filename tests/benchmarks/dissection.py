"""Dissection, patches and features over 2 000 pictures beside bare forward passes: `python tests/benchmarks/dissection.py [network ...]`.

Time: features, strongest patches and dissection need one pass, and each is divided by a bare one. Dissection looks at every unit at
every second pixel, so for a small network the looking takes longer than the pass. Its definition takes two passes, thresholds and then
masks, so it is divided by two as well. All convolutional layers of mini_alexnet must take less than four minutes on two cores. Memory:
twice as many pictures must not take more than their concepts (14 kB a picture) and a little beside, for maps are streamed and of each
unit only the largest values are kept.
"""

from __future__ import annotations

import resource
import sys

import torch
from timing import timed

from cnnlab import load, world
from cnnlab.features import extract_features
from cnnlab.networks.data_loading import picture_batches
from cnnlab.units import convolution_names, dissect, top_patches

WANTED = 240.0
PICTURES = 2_000
BATCH = 16
"""Pictures in a batch of the bare pass, as many as features take at once; with 64 the small network's pass takes longer."""
MOST_GROWTH = 150_000_000


def peak() -> int:
    """The most memory that this process has ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@torch.inference_mode()
def forward(model: torch.nn.Module, data: world.Dataset) -> None:
    """A bare pass over the pictures."""
    for images in picture_batches(data, BATCH):
        model(images)


def measure(name: str) -> float:
    """Time all of it, print a line, and give the seconds that the dissection of all layers takes."""
    model = load(name).eval()
    last = convolution_names(model)[-1]
    half, whole = (world.dataset("validation", n=n, progress=False) for n in (PICTURES // 2, PICTURES))
    dissect(model, half)
    before = peak()
    seconds, found = timed(lambda: dissect(model, whole))
    grown = peak() - before
    works = {
        "a bare pass": lambda: forward(model, whole),
        "features": lambda: extract_features(model, whole, last),
        "patches": lambda: top_patches(model, whole, last),
        f"dissection of {last}": lambda: dissect(model, whole, last),
    }
    runs = [
        {what: timed(work)[0] for what, work in works.items()} for _ in range(3)
    ]  # in turn; the fastest of each counts
    bare, *fastest = (min(run[what] for run in runs) for what in works)
    ratios = dict(zip([*works][1:], (one / bare for one in fastest), strict=True))
    ratios[f"of all {len(found)} layers"] = seconds / bare
    print(
        f"{name:13} {PICTURES} pictures: a bare pass {bare:.1f} s, "
        + ", ".join(f"{what} {ratio:.2f}" for what, ratio in ratios.items())
        + f" times as long ({seconds:.1f} s, {seconds / (2 * bare):.2f} times two bare passes);"
        + f" {grown / 1e6:.0f} MB more than for half of them, {before / 1e6:.0f} MB in all",
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
