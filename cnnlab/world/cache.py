"""The cache folder: rendered splits, texture tiles and training checkpoints, all of which can be made again.

The cache can be removed at any time; what is needed is computed again.
"""

from __future__ import annotations

import os
import sys
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

PICTURES = "8f0b80fb2292e7de"
"""The version of what the world draws, which is part of every key in the cache: a checksum of textures and pictures, held by
`tests/world/test_cache.py`. Code may change as it likes; when pixels or labels do, the test says the new one.
"""


def folder() -> Path:
    """The cache folder: the environment variable CNNLAB_CACHE if it is set, else the platform's cache folder. Not created."""
    chosen = os.environ.get("CNNLAB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "cnnlab"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "cnnlab" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cnnlab"


def incomplete(path: Path) -> Path:
    """Where this thread makes what will have the name `path` when it is complete; the process comes last in the name."""
    return path.with_name(f"{path.name}.part-{threading.get_ident()}-{os.getpid()}")


def read(name: str) -> np.ndarray | None:
    """The array in the cache under this name; None where it is missing or damaged."""
    with (
        suppress(OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile),
        np.load(_file(name)) as stored,
    ):
        return stored["array"]
    return None


def _file(name: str) -> Path:
    return folder() / f"{name}-{PICTURES}.npz"


def kept(name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array in the cache under this name; where it is missing or damaged it is made, and kept if the folder can be written."""
    found = read(name)
    if found is not None:
        return found
    array, file = make(), _file(name)
    part = incomplete(file)
    with suppress(OSError):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as stream:
                np.savez(stream, array=array)
            part.replace(file)  # under its name only when it is complete
        finally:
            part.unlink(missing_ok=True)
    return array
