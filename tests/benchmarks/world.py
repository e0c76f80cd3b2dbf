"""Pictures a second of the world, all maps included, on one core: `python tests/benchmarks/world.py`."""

from __future__ import annotations

import time

import torch

from cnnlab import world

if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed in range(100):  # tiles are drawn once a process
        world.render(seed)
    for size, count in ((96, 600), (224, 100), (480, 30)):
        start = time.perf_counter()
        for seed in range(count):
            world.render(seed, size=size)
        print(f"{size} x {size}: {count / (time.perf_counter() - start):.0f} pictures a second")
