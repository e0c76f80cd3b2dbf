"""The zygote: it imports everything that an answer may need, once, and forks a guard for each submission.

It never reads a submission: a job's own connection is handed to the guard as it came. It computes nothing with torch and starts no
thread, since a fork of a process with threads may hang; pictures of the world, where answers draw them, are drawn with numpy. It ends
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

from cnnlab.grading.running import confinement, kernel, landlock, namespaces, pages, seccomp, watching

CLOSED = ("attribution", "codes", "robustness", "segmentation", "synthesis", "transfer", "units")
CLOSED += ("figures", "explorers", "judging", "doctor", "cli")
GRADING = "cnnlab.grading"


class _ClosedRooms(MetaPathFinder):
    """Says in words why a room with techniques cannot be imported; the files cannot be read anyway."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        parts = name.split(".")
        own = name.startswith(f"{GRADING}.running")
        if (
            parts[0] == "cnnlab"
            and len(parts) > 1
            and (parts[1] in CLOSED or (parts[1] == "grading" and not own))
        ):
            if name == GRADING:
                return
            raise ModuleNotFoundError(
                f"{name} is not at hand while answers are graded: world and networks are", name=name
            )


def main(connection_number: int, settings: str) -> None:
    """Build the room, import, say what the walls are, then fork a guard for every connection that comes."""
    wanted = json.loads(settings)
    connection = socket.socket(fileno=connection_number)
    try:
        walls = _build(wanted)
        _load()
        if wanted["draws"]:
            _draw()
        walls = _finish(walls, wanted)
    except Exception as error:
        connection.sendall(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n")
        raise
    if kernel.LINUX:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    gc.collect()
    gc.freeze()
    pages.gather()
    hello = {"walls": walls.as_dict(), "threads": threads(), "pid": os.getpid()}
    connection.sendall(json.dumps(hello).encode() + b"\n")
    _serve(connection, walls, wanted)


def threads() -> int:
    """How many threads this process has."""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return threading.active_count()


def _build(wanted: dict[str, Any]) -> str:
    """The strongest tier of those that were asked for; in bubblewrap it was started; into namespaces it moves."""
    tiers = wanted["tiers"]
    if wanted["wrapped"]:
        os.environ["MPLCONFIGDIR"] = tempfile.tempdir = "/tmp"
        return "bubblewrap"
    if "namespaces" in tiers and kernel.LINUX:
        refused = confinement.attempt(namespaces.enter, wanted["readable"], wanted["build_at"])
        if not refused:
            namespaces.enter(wanted["readable"], wanted["build_at"])
            os.environ["MPLCONFIGDIR"] = tempfile.tempdir = "/tmp"
            return "namespaces"
        wanted["refused"] = refused
    if "landlock" in tiers and landlock.version() and seccomp.available():
        return "landlock"
    if "none" in tiers:
        return "none"
    raise OSError(
        f"none of the tiers {', '.join(tiers)} works here; {wanted.get('refused', '')}".rstrip("; ")
    )


def _finish(tier: str, wanted: dict[str, Any]) -> confinement.Walls:
    """Close the room, and try what the students' processes will have."""
    if tier == "namespaces":
        namespaces.seal()
        if not confinement.own_processes_work():
            raise OSError("namespaces were made, but no process namespace inside them")
    processes = tier == "namespaces" or (tier == "bubblewrap" and confinement.own_processes_work())
    known = landlock.version() if tier != "none" else 0
    walls = confinement.Walls(tier, processes, known, seccomp.available() and tier != "none")
    if threads() != 1:
        raise OSError(
            f"the imports have left {threads()} threads, so forks could hang; is OMP_NUM_THREADS=1?"
        )
    return walls


def _load() -> None:
    """Import what answers may need, and take away what they may not."""
    import matplotlib

    matplotlib.use("Agg")
    import torch

    torch.set_num_threads(1)
    # The first optimizer imports torch._dynamo, 1.3 s of the processor: once here, not in each submission that trains.
    for name in ("matplotlib.pyplot", "IPython.display", "torch._dynamo", "cnnlab.world", "cnnlab.networks"):
        importlib.import_module(name)
    importlib.import_module("cnnlab.grading.running.guard")
    import cnnlab
    from cnnlab import grading

    for name in ("check", "claim", "solved"):  # a notebook's own checks say nothing here
        setattr(grading, name, lambda *args, **options: None)
    cnnlab.grading = grading
    sys.meta_path.insert(0, _ClosedRooms())


def _draw() -> None:
    """Draw the world once: what drawing keeps for the process, above all the tiles of the textures, every fork then has.

    That is a second or two of the processor, which each submission that draws a picture would spend anew.
    """
    from cnnlab.world import names, painter, picture, recipe, textures

    for texture in names.TEXTURES:
        textures.tile(texture)
    for number, scene in enumerate(names.SCENES):
        painter.colour_names(picture.draw(recipe.sample(number, scene=scene))[0])


def _serve(connection: socket.socket, walls: confinement.Walls, wanted: dict[str, Any]) -> None:
    from cnnlab.grading.running.guard import guard  # it needs torch

    guards: set[int] = set()
    connection.settimeout(0.5)
    while True:
        _reap(guards)
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
                guard(socket.socket(fileno=numbers[0]), walls, wanted["readable"], wanted["base"])
            finally:
                os._exit(0)
        guards.add(child)
        os.close(numbers[0])
    for child in guards:  # their connections are closing too; this is for those that hang
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGTERM)
    watching.end(os.getpid())


def _reap(guards: set[int]) -> None:
    """Take leave of the guards that have ended; what a guard that was killed has left behind is ended."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)[0]) > 0:
            guards.discard(ended)
    for child in watching.children(os.getpid()):
        if child not in guards:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
