"""Paths visible to processes with student code: the Python environment, the part of the kit without answers, data."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

# The parts of an environment; anything else below its folder, a course say, is none of a submission's business.
PARTS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "ssl", "pyvenv.cfg", "etc/fonts")
PARTS += tuple(f"share/{name}" for name in ("fonts", "fontconfig", "zoneinfo", "mime", "locale", "terminfo"))
SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/mime.types")
OPEN_PACKAGES = ("__init__.py", "_validation.py", "world", "networks")  # of the kit
DEVICES = ("/dev/null", "/dev/random", "/dev/urandom")


def readable_paths(data: Iterable[Path] = (), hidden: Iterable[Path] = ()) -> list[str]:
    """The visible folders and files, each without the `hidden` ones; missing paths are left out.

    A folder with a hidden path below it is replaced by its other entries, so that the list needs no exceptions. The environment is
    visible also if it lies in a hidden folder, as in a course with its own.
    """
    kit = Path(__file__).resolve().parents[2]
    hidden = [Path(path).resolve() for path in hidden]
    paths = sysconfig.get_paths()
    places = ("/", "/usr", "/usr/local", sys.prefix, sys.base_prefix, sys.exec_prefix)
    roots = [*SETTINGS, *(os.path.join(place, part) for place in places for part in PARTS)]
    roots += [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    roots += [
        path for path in sys.path if path and Path(path).resolve() != kit.parent and "site-packages" in path
    ]
    visible: dict[str, None] = {}
    for root in map(Path, roots):
        real = root.resolve()
        if real.is_relative_to(kit):  # its open part is added below
            continue
        below = [path for path in [*hidden, kit] if not real.is_relative_to(path)]
        for path in _without(root, below):
            visible[str(path)] = None
    for path in (
        *(kit / name for name in OPEN_PACKAGES),
        kit / "grading" / "__init__.py",
        kit / "grading" / "sandbox",
    ):
        visible[str(path)] = None
    for path in data:
        visible[str(Path(path).resolve())] = None
    return _topmost(path for path in visible if os.path.lexists(path))


def _without(root: Path, hidden: list[Path]) -> list[Path]:
    real = root.resolve()
    if any(real.is_relative_to(path) for path in hidden):
        return []
    if not any(path.is_relative_to(real) for path in hidden) or not real.is_dir():
        return [root]
    return [path_left for child in sorted(root.iterdir()) for path_left in _without(child, hidden)]


def _topmost(paths: Iterable[str]) -> list[str]:
    """The paths that are not inside another of the paths."""
    topmost: list[str] = []
    for path in sorted(paths, key=lambda name: name.count("/")):
        if not any(path.startswith(f"{above}/") for above in topmost if not os.path.islink(above)):
            topmost.append(path)
    return topmost
