"""Sandbox tiers for the student's process; the first of the wanted tiers that works on this machine is used.

    namespaces     a box for each submission: user, mount, IPC and process namespaces inside those of the runner, which has no network
    bubblewrap     a box of bubblewrap for each submission, with a runner of its own inside, where only bubblewrap may make namespaces
    without walls  limits and a watchdog only: for one's own code; grading refuses it unless told `--without-walls`

In a box, Landlock and the system call filter are added where the machine has them; neither counts as a box. Every tier has the limits and
gives up new privileges. The confinement in use is written into every result.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnnlab.grading.sandbox import landlock, namespaces, readable_paths, seccomp, syscalls

WITHOUT_WALLS = "without walls"
BOXES = ("namespaces", "bubblewrap")
TIERS = (*BOXES, WITHOUT_WALLS)
OWN_TASKS = 8  # of the sandbox, beside the student's: guard, first process, and what holds the box
COUNTED_SINCE = (5, 14)  # Linux counts the tasks of each user namespace apart


@dataclass(frozen=True)
class Confinement:
    """The confinement of a submission's processes.

    `landlock` is its version, 0 for none; `seccomp` the system call filter; `another_user` that they are not the grader's user, who is
    root; `exposed` that they can read what the grader wants hidden; `control_group` the version of the kernel's control groups that see
    to memory and tasks, 0 where the supervisor looks at the tree of processes.
    """

    tier: str
    landlock: int
    seccomp: bool
    another_user: bool = False
    exposed: bool = False
    control_group: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The confinement as a dictionary."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [self.tier]
        parts += ["another user"] if self.another_user else []
        parts += [f"Landlock {self.landlock}"] if self.landlock else []
        parts += ["filtered system calls"] if self.seccomp else []
        parts += [f"control group {self.control_group}"] if self.control_group else []
        return " + ".join(parts) + (": key and secret lie open to the student's code" if self.exposed else "")


def try_in_child(action: Any, *arguments: Any) -> str:
    """Run `action` in a child process, which ends with it; "" if it worked, else the error message."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        message = "it ended without a word"
        try:
            action(*arguments)
            message = ""
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
        finally:
            os.write(send, message.encode()[:4000] or b"\0")
            os._exit(0)
    os.close(send)
    with open(receive, "rb") as pipe:
        message = pipe.read()
    os.waitpid(child, 0)
    return "" if message == b"\0" else message.decode(errors="replace") or "it was ended"


def try_box() -> None:
    """Make a box as for a submission, from a process that ends then; raises an OSError if it cannot be made."""
    namespaces.unshare_box()
    if refused := try_in_child(namespaces.furnish_box, 2**20):
        raise OSError(f"there is no box for a submission: {refused}")


def try_student(paths: Iterable[str]) -> None:
    """Become the student's user, who must be able to read the Python environment, and reach the `paths`."""
    namespaces.become_student()
    for path in (os.__file__, os.path.dirname(readable_paths.__file__), *paths):
        if not os.access(path, os.R_OK):
            raise PermissionError(f"another user may not read {path}")


def can_read(hidden: Iterable[str]) -> bool:
    """Whether this process can read one of these files or folders."""
    for path in hidden:
        with contextlib.suppress(OSError):
            if os.path.isdir(path):
                os.listdir(path)
            else:
                open(path, "rb").close()
            return True
    return False


def confine(confinement: Confinement, limits: dict[str, Any], scratch: str, readable: list[str]) -> None:
    """Confine this process by `confinement`, for good. It must be the one that will run student code, and have no child yet.

    In the tier "namespaces", the parent of this process has called `namespaces.unshare_box`.
    """
    boxed = confinement.tier in BOXES
    if confinement.tier == "namespaces":
        namespaces.furnish_box(limits["scratch_bytes"])
    os.chdir(scratch)
    _limit(limits, counted=boxed and not confinement.control_group)
    if not syscalls.LINUX:
        return
    if confinement.another_user and not boxed:
        namespaces.become_student()
    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 9)
    if confinement.landlock:
        everything = [*readable, "/proc/cpuinfo", "/proc/meminfo", *readable_paths.DEVICES]
        writable = namespaces.WRITABLE if boxed else (scratch,)
        landlock.restrict(["/"] if boxed else everything, [*writable, "/dev/null"])
    if confinement.seccomp:
        seccomp.install(alone=confinement.tier == "namespaces")


def _limit(limits: dict[str, Any], *, counted: bool) -> None:
    """Set the limits of this process; `counted` if its user's tasks are counted, those too, with forks that have only begun."""
    bounds = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": limits["file_bytes"],
        "RLIMIT_NOFILE": 256,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    if counted and syscalls.kernel() >= COUNTED_SINCE:
        bounds["RLIMIT_NPROC"] = limits["processes"] + OWN_TASKS
    with contextlib.suppress(OSError, ValueError, IndexError):  # in addition to the memory of the imports
        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        bounds["RLIMIT_DATA"] = held + limits["memory_bytes"]
    for name, bound in bounds.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        with contextlib.suppress(OSError, ValueError):
            highest = resource.getrlimit(kind)[1]
            bound = bound if highest == resource.RLIM_INFINITY else min(bound, highest)
            resource.setrlimit(kind, (bound, bound))
