"""Bubblewrap, where it is installed: a well-maintained program that makes a box for each submission, with a whole runner inside.

It serves where the kernel lets bubblewrap make namespaces, but no other program (AppArmor's rules on newer Ubuntu, a set-uid bwrap).
Elsewhere `namespaces` makes the same box hundreds of times faster, since nothing is imported anew.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

from cnnlab.grading.sandbox.namespaces import WRITABLE
from cnnlab.grading.sandbox.readable_paths import DEVICES

PROBE_SECONDS = 20
TMP_BYTES = 16 * 2**20  # for caches of the imports


def command(readable: Iterable[str], scratch_bytes: int) -> list[str]:
    """The command prefix that runs a command in a box of its own: with the `readable` paths, and small folders to write into.

    Empty where bubblewrap is not installed or does not work.
    """
    program = shutil.which("bwrap")
    if program is None:
        return []
    arguments = [program, *_arguments(readable, scratch_bytes)]
    return arguments if _works(arguments) else []


def _arguments(readable: Iterable[str], scratch_bytes: int) -> list[str]:
    arguments = [f"--unshare-{kind}" for kind in ("user", "pid", "net", "ipc", "uts")]
    # The empty /tmp comes first: visible folders may be below it.
    arguments += ["--die-with-parent", "--size", str(TMP_BYTES), "--tmpfs", "/tmp"]
    for path in readable:
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        else:
            arguments += ["--ro-bind", path, path]
    for device in DEVICES:
        arguments += ["--dev-bind-try", device, device]
    for folder in WRITABLE:
        arguments += ["--size", str(scratch_bytes), "--tmpfs", folder]
    return [*arguments, "--proc", "/proc", "--remount-ro", "/", "--chdir", "/"]


def _works(arguments: list[str]) -> bool:
    try:
        completed = subprocess.run(
            [*arguments, sys.executable, "-S", "-c", ""],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return completed.returncode == 0
