"""The fork server: it imports everything that an answer may need, once, and forks a supervisor for each submission.

It never reads a submission: a job's own connection is handed to the supervisor unread. It computes nothing with torch and starts no
thread, since a fork of a process with threads may hang; pictures of the world, where answers render them, need only numpy. It ends
when the grader's end of its connection closes.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import inspect
import json
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.abc import MetaPathFinder
from typing import Any

from cnnlab.grading.sandbox import (
    confinement,
    control_group,
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
    group = _join_group(options["group"])
    try:
        another_user = _build(options, group)
        supervise = _preload()
        if options["draws"]:
            _warm_up_world()
        sandbox = _finish(another_user, options, group)
    except Exception as error:
        connection.sendall(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n")
        raise
    if syscalls.LINUX:
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    gc.collect()
    gc.freeze()
    # Every fork would renew the locks of all loggers' handlers, and copy their pages for it; no thread can hold one of them.
    getattr(logging, "_at_fork_reinit_lock_weakset", set()).clear()
    if options["tier"] != "bubblewrap":  # which forks once or twice
        huge_pages.collapse()
    hello = {"walls": sandbox.as_dict(), "threads": process_tree.threads(), "pid": os.getpid()}
    connection.sendall(json.dumps(hello).encode() + b"\n")
    _serve(
        connection,
        functools.partial(
            supervise,
            sandbox=sandbox,
            readable=options["readable"],
            base=options["base"],
            group=group if sandbox.control_group else None,
        ),
    )


def _join_group(folders: dict[str, Any] | None) -> control_group.Parent | None:
    """Join the control group that the grader has made; None if there is none, or none to be joined."""
    with contextlib.suppress(OSError):
        if folders:
            group = control_group.Parent(**folders)
            group.settle()
            return group
    return None


def _build(options: dict[str, Any], group: control_group.Parent | None) -> bool:
    """Enter the tier, as far as it concerns this process; whether submissions run as another user than the grader's, which is root's."""
    if options["tier"] == confinement.WITHOUT_WALLS:
        return syscalls.LINUX and os.getuid() == 0 and not _refused(options, as_student=True)
    os.environ["MPLCONFIGDIR"] = tempfile.tempdir = "/tmp"
    if options["tier"] == "bubblewrap":  # in which this process was started
        return False
    if not syscalls.LINUX:
        raise OSError("namespaces are Linux's")
    another_user = os.getuid() == 0 and not _refused(options, as_student=True)
    if not another_user and (refused := _refused(options, as_student=False)):
        raise OSError(refused)
    if group and another_user:
        group.hand_over(namespaces.STUDENT)
    namespaces.enter(options["readable"], options["build_at"], as_root=another_user)
    return another_user


def _refused(options: dict[str, Any], *, as_student: bool) -> str:
    """Why this machine does not let a submission be run in a box, or as another user; "" if it does."""
    boxed = options["tier"] == "namespaces"

    def attempt() -> None:
        if boxed:
            namespaces.enter(options["readable"], options["build_at"], as_root=as_student)
        if as_student:
            confinement.try_student([] if boxed else [options["base"]])
        if boxed:
            confinement.try_box()

    return confinement.try_in_child(attempt)


def _finish(
    another_user: bool, options: dict[str, Any], group: control_group.Parent | None
) -> confinement.Confinement:
    """Complete the confinement of this process, and say which one the students' processes will have."""
    boxed = options["tier"] in confinement.BOXES
    if options["tier"] == "namespaces":
        namespaces.seal()
        if another_user:
            namespaces.become_student()
    if process_tree.threads() != 1:
        raise OSError(
            f"the imports have left {process_tree.threads()} threads, so forks could hang; is OMP_NUM_THREADS=1?"
        )
    version = landlock.version() if boxed or options["hidden"] else 0
    filtered = boxed and seccomp.available()
    grouped = group.version if group and _can_join(group, options["limits"]) else 0
    sandbox = confinement.Confinement(options["tier"], version, filtered, another_user, control_group=grouped)
    if boxed or not options["hidden"]:
        return sandbox

    def attempt() -> None:
        confinement.confine(sandbox, options["limits"], options["base"], options["readable"])
        if confinement.can_read(options["hidden"]):
            raise PermissionError("the student's code may read what is to be hidden")

    return replace(sandbox, exposed=bool(confinement.try_in_child(attempt)))


def _can_join(group: control_group.Parent, limits: dict[str, Any]) -> bool:
    """Whether a submission can have a control group of its own here."""
    try:
        trial = control_group.ControlGroup(group, limits)
        refused = confinement.try_in_child(trial.join)
        trial.look()
        trial.remove()
    except (OSError, KeyError, ValueError):  # an older kernel's files
        return False
    return not refused


def _preload() -> Callable[..., None]:
    """Import what answers may need, and remove what they may not use; returns the supervisor's function, which needs torch."""
    import matplotlib

    matplotlib.use("Agg")
    import torch
    import tqdm

    torch.set_num_threads(1)
    # The first optimizer imports torch._dynamo, 1.3 s of processor time: once here, not in each submission that trains.
    for name in ("matplotlib.pyplot", "IPython.display", "torch._dynamo", "cnnlab.world", "cnnlab.networks"):
        importlib.import_module(name)
    import cnnlab
    from cnnlab import grading
    from cnnlab.grading.sandbox import call_record, supervisor  # they need torch

    for name in ("check", "claim", "passes_public_tests"):  # a notebook's own checks do nothing here
        setattr(grading, name, lambda *args, **options: None)
    cnnlab.grading = grading
    _load_data_in_one_process()
    tqdm.tqdm.monitor_interval = 0  # else the first bar starts a thread
    sys.meta_path.insert(0, _ClosedPackages())
    call_record.install()
    _hide_the_sandbox()
    return supervisor.supervise


def _hide_the_sandbox() -> None:
    """Let student code that imports a module of the sandbox get a copy: what it changes there changes nothing here."""
    for name in [name for name in sys.modules if name.startswith(f"{GRADING}.sandbox")]:
        del sys.modules[name]
    del sys.modules[GRADING].sandbox


def _load_data_in_one_process() -> None:
    """Let a `DataLoader` with workers load in its own process: they hand tensors over by sockets, and the sandbox has none.

    The batches are the same ones, in the same order.
    """
    from torch.utils.data import DataLoader

    original = DataLoader.__init__
    signature = inspect.signature(original)
    of_workers = (
        "num_workers",
        "timeout",
        "multiprocessing_context",
        "prefetch_factor",
        "persistent_workers",
    )

    @functools.wraps(original)
    def __init__(self: DataLoader, *arguments: Any, **options: Any) -> None:
        bound = signature.bind(self, *arguments, **options)
        for name in of_workers:
            bound.arguments.pop(name, None)
        original(*bound.args, **bound.kwargs)

    DataLoader.__init__ = __init__


def _warm_up_world() -> None:
    """Render the world once, so that every fork has the caches that rendering fills, above all the texture tiles.

    This takes a second or two of processor time, which each submission that renders a picture would otherwise spend.
    """
    from cnnlab.world import drawing, names, recipe, renderer, textures

    for texture in names.TEXTURES:
        textures.tile(texture)
    for number, scene in enumerate(names.SCENES):
        renderer.colour_names(drawing.draw(recipe.sample(number, scene=scene))[0])


def _serve(connection: socket.socket, supervise: Callable[[socket.socket], None]) -> None:
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
                supervise(socket.socket(fileno=numbers[0]))
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
