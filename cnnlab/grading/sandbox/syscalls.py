"""Linux system calls that Python 3.11 does not wrap."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from typing import Any

LINUX = sys.platform == "linux"
MACHINE = platform.machine() if LINUX else ""

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38

# The numbers that are the same on every machine, and those that differ.
NUMBERS = {"mount_setattr": 442, "landlock_create_ruleset": 444, "landlock_add_rule": 445}
NUMBERS["landlock_restrict_self"] = 446
NUMBERS |= {
    "x86_64": {"pivot_root": 155, "capset": 126},
    "aarch64": {"pivot_root": 41, "capset": 91},
}.get(MACHINE, {})

_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


def kernel() -> tuple[int, ...]:
    """The first two numbers of the kernel's version."""
    return tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])


def check_result(result: int, what: str) -> int:
    """Return `result`, or raise an OSError with the kernel's refusal."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def system_call(name: str, *arguments: Any) -> int:
    """Run a system call by name; integers are passed as 64 bits."""
    if _libc is None or name not in NUMBERS:
        raise OSError(f"{name} is not known on {sys.platform} {MACHINE}")
    passed = [ctypes.c_long(part) if isinstance(part, int) else part for part in arguments]
    return check_result(_libc.syscall(ctypes.c_long(NUMBERS[name]), *passed), name)


def prctl(option: int, *arguments: Any) -> int:
    """The system call prctl; missing arguments are 0."""
    if _libc is None:
        raise OSError("prctl is Linux's")
    padded = [*arguments, 0, 0, 0, 0][:4]
    passed = [ctypes.c_ulong(part) if isinstance(part, int) else part for part in padded]
    return check_result(_libc.prctl(option, *passed), f"prctl {option}")


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name."""
    if _libc is None:
        raise OSError("namespaces are Linux's")
    check_result(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """The system call mount."""
    parts = [os.fsencode(part) for part in (source, target, kind)]
    check_result(_libc.mount(*parts, ctypes.c_ulong(flags), os.fsencode(data)), f"mount {target}")


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """The system call umount2."""
    check_result(_libc.umount2(os.fsencode(target), flags), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root folder of this mount namespace, and put the old one at `old`."""
    system_call("pivot_root", os.fsencode(new), os.fsencode(old))


def drop_capabilities() -> None:
    """Give up every capability for good, also for later child processes."""
    for number in range(64):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError:  # not allowed, so there is none to give up; or past the last one
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    system_call("capset", header, (ctypes.c_uint32 * 6)())
