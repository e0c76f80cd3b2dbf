"""The fork server: it imports everything that an answer may need, once, and forks a supervisor for each submission.

It never reads a submission: a job's own connection is handed to the supervisor unread. It computes nothing with torch and starts no
thread, since a fork of a process with threads may hang; pictures of the world, where answers render them, need only numpy. It ends
when the grader's end of its connection closes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from importlib.abc import MetaPathFinder
from typing import Any

from cnnlab.grading.sandbox import (
    confinement,
    huge_pages,
    landlock,
    namespaces,
    process_tree,
    seccomp,
    syscalls,
)

CLOSED_PACKAGES = ("attribution", "features", "robustness", "segmentation", "synthesis", "transfer", "units")
CLOSED_PACKAGES += ("figures", "explorers", "diagnostics", "cli")
GRADING = "cnnlab.grading"


class _ClosedPackages(MetaPathFinder):
    """Import hook that explains why a package with techniques cannot be imported; its files are not readable anyway."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        parts = name.split(".")
        is_sandbox = name.startswith(f"{GRADING}.sandbox")
        if (
            parts[0] == "cnnlab"
            and len(parts) > 1
            and (parts[1] in CLOSED_PACKAGES or (parts[1] == "grading" and not is_sandbox))
        ):
            if name == GRADING:
                return
            raise ModuleNotFoundError(
                f"{name} is not at hand while answers are graded: world and networks are", name=name
            )


def main(connection_number: int, settings: str) -> None:
    """Set up the sandbox, import, report the confinement, then fork a supervisor for every connection."""
    options = json.loads(settings)
    connection = socket.socket(fileno=connection_number)
    try:
        sandbox = _build(options)
        _preload()
        if options["draws"]:
            _warm_up_world()
        sandbox = _finish(sandbox, options)
    except Exception as error:
        connection.sendall(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n")
        raise
    if syscalls.LINUX:
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    gc.collect()
    gc.freeze()
    huge_pages.collapse()
    hello = {"walls": sandbox.as_dict(), "threads": threads(), "pid": os.getpid()}
    connection.sendall(json.dumps(hello).encode() + b"\n")
    _serve(connection, sandbox, options)


def threads() -> int:
    """Number of threads of this process."""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return threading.active_count()


def _build(options: dict[str, Any]) -> str:
    """Set up the strictest of the requested tiers that works: in bubblewrap this process was started, a namespace it enters now."""
    tiers = options["tiers"]
    if options["wrapped"]:
        os.environ["MPLCONFIGDIR"] = tempfile.tempdir = "/tmp"
        return "bubblewrap"
    if "namespaces" in tiers and syscalls.LINUX:
        refused = confinement.try_in_child(namespaces.enter, options["readable"], options["build_at"])
        if not refused:
            namespaces.enter(options["readable"], options["build_at"])
            os.environ["MPLCONFIGDIR"] = tempfile.tempdir = "/tmp"
            return "namespaces"
        options["refused"] = refused
    if "landlock" in tiers and landlock.version() and seccomp.available():
        return "landlock"
    if "none" in tiers:
        return "none"
    raise OSError(
        f"none of the tiers {', '.join(tiers)} works here; {options.get('refused', '')}".rstrip("; ")
    )


def _finish(tier: str, options: dict[str, Any]) -> confinement.Confinement:
    """Complete the confinement of this process, and test what the students' processes will have."""
    if tier == "namespaces":
        namespaces.seal()
        if not confinement.pid_namespace_works():
            raise OSError("namespaces were made, but no process namespace inside them")
    processes = tier == "namespaces" or (tier == "bubblewrap" and confinement.pid_namespace_works())
    landlock_version = landlock.version() if tier != "none" else 0
    sandbox = confinement.Confinement(
        tier, processes, landlock_version, seccomp.available() and tier != "none"
    )
    if threads() != 1:
        raise OSError(
            f"the imports have left {threads()} threads, so forks could hang; is OMP_NUM_THREADS=1?"
        )
    return sandbox


def _preload() -> None:
    """Import what answers may need, and remove what they may not use."""
    import matplotlib

    matplotlib.use("Agg")
    import torch

    torch.set_num_threads(1)
    # The first optimizer imports torch._dynamo, 1.3 s of processor time: once here, not in each submission that trains.
    for name in ("matplotlib.pyplot", "IPython.display", "torch._dynamo", "cnnlab.world", "cnnlab.networks"):
        importlib.import_module(name)
    importlib.import_module("cnnlab.grading.sandbox.supervisor")
    import cnnlab
    from cnnlab import grading

    for name in ("check", "claim", "passes_public_tests"):  # a notebook's own checks do nothing here
        setattr(grading, name, lambda *args, **options: None)
    cnnlab.grading = grading
    sys.meta_path.insert(0, _ClosedPackages())


def _warm_up_world() -> None:
    """Render the world once, so that every fork has the caches that rendering fills, above all the texture tiles.

    This takes a second or two of processor time, which each submission that renders a picture would otherwise spend.
    """
    from cnnlab.world import names, picture, recipe, renderer, textures

    for texture in names.TEXTURES:
        textures.tile(texture)
    for number, scene in enumerate(names.SCENES):
        renderer.colour_names(picture.draw(recipe.sample(number, scene=scene))[0])


def _serve(connection: socket.socket, sandbox: confinement.Confinement, options: dict[str, Any]) -> None:
    from cnnlab.grading.sandbox.supervisor import supervise  # it needs torch

    supervisors: set[int] = set()
    connection.settimeout(0.5)
    while True:
        _reap(supervisors)
        try:
            message, numbers, _, _ = socket.recv_fds(connection, 1, 1)
        except TimeoutError:
            continue
        if not message:
            break
        child = os.fork()
        if not child:
            connection.close()
            try:
                supervise(socket.socket(fileno=numbers[0]), sandbox, options["readable"], options["base"])
            finally:
                os._exit(0)
        supervisors.add(child)
        os.close(numbers[0])
    for child in supervisors:  # their connections are closing too; this is for those that hang
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGTERM)
    process_tree.kill_tree(os.getpid())


def _reap(supervisors: set[int]) -> None:
    """Reap the supervisors that have ended; the processes left behind by a killed supervisor are ended."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)[0]) > 0:
            supervisors.discard(ended)
    for child in process_tree.children(os.getpid()):
        if child not in supervisors:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
