"""Split cache: rendered pictures on disk, rendered once, on all cores, and read from there the next time.

A folder of the cache holds the pictures, region maps and tables of labels of a list of recipes. It appears under its final name only
when it is complete, and each file is checked against its checksum when it is opened.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
import zlib
from functools import cache as remember
from pathlib import Path
from typing import Protocol

import numpy as np

from cnnlab.world import cache
from cnnlab.world.drawing import draw
from cnnlab.world.recipe import Recipe
from cnnlab.world.renderer import LABELS

BLOCK = 100
"""Pictures rendered in one task of a worker."""
ARRAYS = ("images", "regions", "tables")
"""The arrays of N pictures: N x H x W x 3 bytes; N x H x W bytes, the region of each pixel; and the labels of each region."""
MEMORY_ONLY_HINT = "is the disk full? Pictures are in memory only. CNNLAB_CACHE names another folder."
"""The consequence if the cache cannot be used."""


class Recipes(Protocol):
    """A list of recipes with a cache key for their pictures."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Recipe: ...

    def key(self, size: int) -> str:
        """The cache key of the pictures in this size: whatever changes them changes it, `cache.PICTURES` above all."""
        ...


def load_or_render(recipes: Recipes, size: int, progress: bool) -> dict[str, np.ndarray]:
    """The arrays of a split: from the cache if they are there and intact, else rendered (and stored, if the folder is writable)."""
    folder = cache.folder() / "splits" / recipes.key(size)
    if folder.is_dir():
        try:
            return open_cached(folder)
        except (OSError, ValueError, KeyError) as problem:
            warnings.warn(f"the split in {folder} is damaged ({problem}); it is drawn again.", stacklevel=3)
            shutil.rmtree(folder, ignore_errors=True)
    partial = cache.incomplete(folder)
    try:
        remove_stale(folder.parent)
        partial.mkdir(parents=True)
    except OSError as problem:
        warnings.warn(f"the cache folder cannot be written ({problem}); {MEMORY_ONLY_HINT}", stacklevel=3)
        return render_all(recipes, size, progress)
    try:
        arrays = render_all(recipes, size, progress)
        save(partial, arrays)
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another was faster, with the same pictures
                raise
        return open_cached(folder)
    except OSError as problem:
        megabytes = sum(array.nbytes for array in arrays.values()) / 1e6
        warnings.warn(
            f"the split of {megabytes:.0f} MB could not be kept ({problem}); {MEMORY_ONLY_HINT}", stacklevel=3
        )
        return arrays
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_stale(parent: Path) -> None:
    """Remove the incomplete folders of killed runs."""
    import psutil

    for part in parent.glob("*.part-*"):
        if not psutil.pid_exists(int(part.name.rpartition("-")[2])):
            shutil.rmtree(part, ignore_errors=True)


def save(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the arrays into a folder, with their checksums."""
    checksums = {}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
        checksums[name] = zlib.crc32((folder / f"{name}.npy").read_bytes())
    (folder / "sums.json").write_text(json.dumps(checksums))


@remember
def checksum_ok(file: Path, modified: int, expected: int) -> bool:
    """Whether the file has the expected checksum; computed once in a process for each version of the file."""
    total = 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            total = zlib.crc32(block, total)
    return total == expected


def open_cached(folder: Path) -> dict[str, np.ndarray]:
    """The arrays in a folder, memory-mapped.

    Raises
    ------
    ValueError
        If a file is damaged; an OSError or KeyError if one is missing.
    """
    checksums = json.loads((folder / "sums.json").read_text())
    for name in ARRAYS:
        file = folder / f"{name}.npy"
        if not checksum_ok(file, file.stat().st_mtime_ns, checksums[name]):
            raise ValueError(f"{file.name} has another checksum than when it was written")
    # Copy on write: torch needs writable memory, and a caller who writes must not change the file.
    return {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in ARRAYS}


def render_all(recipes: Recipes, size: int, progress: bool) -> dict[str, np.ndarray]:
    """Render all pictures, on all cores if there are enough of them, with a progress bar."""
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    count = len(recipes)
    starts = range(0, count, BLOCK)
    workers = min(os.cpu_count() or 1, 8) if count >= 10 * BLOCK else 1
    run = Parallel(n_jobs=workers, return_as="generator")
    blocks = run(delayed(render_block)(recipes, size, start, min(start + BLOCK, count)) for start in starts)
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    regions = np.empty((count, size, size), dtype=np.uint8)
    tables = []
    # disable=None: no bar without a terminal.
    with tqdm(
        total=count, desc="drawing pictures", unit="picture", disable=None if progress else True
    ) as bar:
        for start, (pixels, region, table) in zip(starts, blocks, strict=True):
            images[start : start + len(pixels)], regions[start : start + len(pixels)] = pixels, region
            tables += table
            bar.update(len(pixels))
    max_regions = max(len(table) for table in tables)
    padded = np.zeros((count, max_regions, len(LABELS)), dtype=np.uint8)
    for row, table in zip(padded, tables, strict=True):
        row[: len(table)] = table
    return {"images": images, "regions": regions, "tables": padded}


def render_block(
    recipes: Recipes, size: int, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Pictures start ... stop - 1: their pixels, their regions, and a table for each."""
    pictures = [draw(recipes[index], size) for index in range(start, stop)]
    return np.stack([d[0] for d in pictures]), np.stack([d[1] for d in pictures]), [d[2] for d in pictures]
