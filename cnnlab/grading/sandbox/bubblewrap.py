"""Bubblewrap, where it is installed: a well-maintained program that sets up the sandbox around the whole runner.

Inside, each submission still gets its own process namespace and scratch folder, if bubblewrap may leave the runner the capabilities for it
(within the sandbox's user namespace only). Where it is installed set-uid it may not; then only Landlock and the system call filter remain.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

from cnnlab.grading.sandbox.namespaces import SCRATCH
from cnnlab.grading.sandbox.readable_paths import DEVICES

PROBE_SECONDS = 20


def command(readable: Iterable[str], base: str) -> list[str]:
    """The command prefix that runs a command in the sandbox: the `readable` paths, read-only, and `base`; no network.

    Empty where bubblewrap is not installed or does not work.
    """
    program = shutil.which("bwrap")
    if program is None:
        return []
    mounts = _mount_arguments(readable, base)
    for capabilities in (["--cap-add", "ALL"], []):
        arguments = [program, "--unshare-user", *capabilities, *mounts]
        if _works(arguments):
            return arguments
    return []


def _mount_arguments(readable: Iterable[str], base: str) -> list[str]:
    # The empty /tmp comes first: visible folders may be below it.
    arguments = ["--unshare-net", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--tmpfs", "/tmp"]
    for path in readable:
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        else:
            arguments += ["--ro-bind", path, path]
    for device in DEVICES:
        arguments += ["--dev-bind-try", device, device]
    # The old /proc, for processes that watch their descendants; each submission gets one that shows no others.
    arguments += ["--ro-bind", "/proc", "/proc", "--dir", SCRATCH, "--bind", base, base]
    return [*arguments, "--remount-ro", "/", "--chdir", "/"]


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
