"""Sandbox tiers for the student's process; the strictest tier that works on this machine is used.

    bubblewrap   the whole runner in bubblewrap's sandbox, where that is installed, with the next tier's own processes inside it
    namespaces   separate user, mount, network, IPC and process namespaces, with Landlock where the kernel has it
    landlock     Landlock for files and a system call filter; processes are watched, not hidden
    none         limits and a watchdog only: for one's own code; refused for grading unless the instructor trusts the submissions

Every tier has the limits, gives up new privileges, and has the system call filter where the machine supports it. The confinement
in use is written into every result.
"""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnnlab.grading.sandbox import landlock, namespaces, readable_paths, seccomp, syscalls

TIERS = ("bubblewrap", "namespaces", "landlock", "none")


@dataclass(frozen=True)
class Confinement:
    """The confinement of a submission's processes."""

    tier: str
    pid_namespace: bool  # a process namespace for each submission
    landlock: int  # the version, 0 for none
    seccomp: bool  # the system call filter

    def as_dict(self) -> dict[str, Any]:
        """The confinement as a dictionary."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [self.tier]
        parts += ["own processes"] if self.pid_namespace else []
        parts += [f"Landlock {self.landlock}"] if self.landlock else []
        parts += ["filtered system calls"] if self.seccomp else []
        return " + ".join(parts)


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


def pid_namespace_works() -> bool:
    """Whether this process can create a process namespace with a scratch folder."""

    def action() -> None:
        namespaces.unshare_pid()
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                namespaces.enter_pid_namespace(2**20)
                os._exit(0)
            os._exit(1)
        if os.waitpid(child, 0)[1]:
            raise OSError("no scratch folder in a process namespace")

    return syscalls.LINUX and not try_in_child(action)


def confine(confinement: Confinement, limits: dict[str, Any], scratch: str, readable: list[str]) -> None:
    """Confine this process by `confinement`, for good. It must be the one that will run student code, and have no child yet.

    With a process namespace, the parent of this process has called `namespaces.unshare_pid`.
    """
    if confinement.pid_namespace:
        namespaces.enter_pid_namespace(limits["scratch_bytes"])
    os.chdir(scratch)
    _limit(limits)
    if not syscalls.LINUX:
        return
    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 9)
    if confinement.landlock:
        has_pid_namespace = confinement.pid_namespace  # then no other processes are visible anyway
        visible = ["/"] if has_pid_namespace else [*readable, "/proc/cpuinfo", "/proc/meminfo"]
        landlock.restrict(visible, [scratch, *readable_paths.DEVICES])
    if confinement.seccomp:
        seccomp.install(alone=confinement.pid_namespace)


def _limit(limits: dict[str, Any]) -> None:
    bounds = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": limits["file_bytes"],
        "RLIMIT_NOFILE": 256,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
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
