"""Where the kit keeps what it can make again: rendered splits and the checkpoints of trainings.

Nothing in the cache is precious. It can be removed at any time; what is needed is made anew.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def folder() -> Path:
    """The cache folder: the environment variable CNNLAB_CACHE if it is set, else the platform's place for caches. Not created."""
    chosen = os.environ.get("CNNLAB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "cnnlab"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "cnnlab" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cnnlab"
