"""Which folders the processes with student code can see: the Python environment, the part of the kit that holds no answers, data."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/mime.types")
OPEN_ROOMS = ("__init__.py", "inputs.py", "world", "networks")  # of the kit
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def readable(data: Iterable[Path] = (), hidden: Iterable[Path] = ()) -> list[str]:
    """The folders and files that may be seen, each without the `hidden` ones; what does not exist is left out.

    A folder with something hidden below is replaced by what else lies in it, so that the list needs no exceptions.
    """
    kit = Path(__file__).resolve().parents[2]
    hidden = [Path(place).resolve() for place in hidden]
    hidden += [kit]  # its open part is added below
    paths = sysconfig.get_paths()
    roots = [*SYSTEM, *SETTINGS, sys.prefix, sys.base_prefix, sys.exec_prefix]
    roots += [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    roots += [
        place
        for place in sys.path
        if place and Path(place).resolve() != kit.parent and "site-packages" in place
    ]
    seen: dict[str, None] = {}
    for root in roots:
        for place in _without(Path(root), hidden):
            seen[str(place)] = None
    for place in (
        *(kit / name for name in OPEN_ROOMS),
        kit / "grading" / "__init__.py",
        kit / "grading" / "running",
    ):
        seen[str(place)] = None
    for place in data:
        seen[str(Path(place).resolve())] = None
    return _topmost(place for place in seen if os.path.lexists(place))


def _without(root: Path, hidden: list[Path]) -> list[Path]:
    real = root.resolve()
    if any(real == place or place in real.parents for place in hidden):
        return []
    if not any(real in place.parents for place in hidden) or not real.is_dir():
        return [root]
    return [found for child in sorted(root.iterdir()) for found in _without(child, hidden)]


def _topmost(places: Iterable[str]) -> list[str]:
    """Without those that lie in another one of them."""
    kept: list[str] = []
    for place in sorted(places, key=lambda name: name.count("/")):
        if not any(place.startswith(f"{above}/") for above in kept if not os.path.islink(above)):
            kept.append(place)
    return kept
