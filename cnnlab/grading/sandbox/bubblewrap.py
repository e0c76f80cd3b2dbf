"""Bubblewrap, where it is installed: a well-kept program that builds the room around the runner, with no code of ours.

Inside, each submission still gets processes and a scratch folder of its own, if bubblewrap may leave the runner the capabilities for that
(within the sandbox's own users only). It may not where it is installed set-uid; then Landlock and the filter of system calls stand alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

from cnnlab.grading.running.namespaces import SCRATCH
from cnnlab.grading.running.rooms import DEVICES

PROBE_SECONDS = 20


def command(readable: Iterable[str], base: str) -> list[str]:
    """The words to put before a command so that it runs in the sandbox: the `readable` places, read-only, and `base`; no network.

    Empty where bubblewrap is not installed or does not work.
    """
    program = shutil.which("bwrap")
    if program is None:
        return []
    room = _room(readable, base)
    for capabilities in (["--cap-add", "ALL"], []):
        words = [program, "--unshare-user", *capabilities, *room]
        if _works(words):
            return words
    return []


def _room(readable: Iterable[str], base: str) -> list[str]:
    # The empty /tmp comes first: what is shown may lie below it.
    words = ["--unshare-net", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--tmpfs", "/tmp"]
    for place in readable:
        if os.path.islink(place):
            words += ["--symlink", os.readlink(place), place]
        else:
            words += ["--ro-bind", place, place]
    for device in DEVICES:
        words += ["--dev-bind-try", device, device]
    # The old /proc, for whoever watches the processes below; each submission gets one that shows no others.
    words += ["--ro-bind", "/proc", "/proc", "--dir", SCRATCH, "--bind", base, base]
    return [*words, "--remount-ro", "/", "--chdir", "/"]


def _works(words: list[str]) -> bool:
    try:
        done = subprocess.run(
            [*words, sys.executable, "-S", "-c", ""],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
