"""Namespaces of one's own: users, mounts, network, messages, processes; and a file system that holds only what may be seen."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from cnnlab.grading.running import kernel
from cnnlab.grading.running.rooms import DEVICES

SCRATCH = "/scratch"
READ_ONLY = kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID


def enter(readable: Iterable[str], build_at: str) -> None:
    """Move this process into a file system of the `readable` places alone, read-only, without a network.

    `build_at` is an empty folder; outside of the new mount namespace it stays empty. `/proc` is the old one, for whoever watches
    the processes below; `own_processes` hides it from student code.
    """
    user, group = os.getuid(), os.getgid()
    kernel.unshare(
        kernel.CLONE_NEWUSER
        | kernel.CLONE_NEWNS
        | kernel.CLONE_NEWNET
        | kernel.CLONE_NEWIPC
        | kernel.CLONE_NEWUTS
    )
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("cnnlab", build_at, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=16m,mode=755")
    for place in readable:
        _show(place, build_at)
    for device in DEVICES:
        with contextlib.suppress(OSError):
            _bind(device, build_at + device, read_only=False)
    for empty in ("/proc", SCRATCH, "/tmp"):
        os.makedirs(build_at + empty, exist_ok=True)
    kernel.mount("/proc", f"{build_at}/proc", flags=kernel.MS_BIND | kernel.MS_REC)
    os.chdir(build_at)
    kernel.pivot_root(".", ".")
    kernel.unmount(".")
    os.chdir("/")


def seal() -> None:
    """No more changes to the file system that `enter` built; scratch folders are mounted over it."""
    kernel.mount(
        "none",
        "/",
        flags=kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV,
    )


def leave_processes() -> None:
    """The next child is the first process of a process namespace of its own: when it ends, all below it end."""
    kernel.unshare(kernel.CLONE_NEWPID)


def own_processes(scratch_bytes: int) -> None:
    """In that child: a `/proc` that shows no other processes (empty where the kernel gives none), and an empty scratch folder."""
    guarded = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
    try:
        kernel.mount("proc", "/proc", "proc", guarded | kernel.MS_RDONLY)
    except OSError:  # inside a container whose own /proc is partly covered
        kernel.mount("cnnlab", "/proc", "tmpfs", guarded | kernel.MS_RDONLY, "size=4k")
    kernel.mount("cnnlab", SCRATCH, "tmpfs", guarded, f"size={scratch_bytes},mode=700,nr_inodes=100k")


def _show(place: str, root: str) -> None:
    if os.path.islink(place):
        target = root + place
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.symlink(os.readlink(place), target)
        return
    _bind(place, root + place, read_only=True)


def _bind(place: str, target: str, *, read_only: bool) -> None:
    if os.path.isdir(place):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    kernel.mount(place, target, flags=kernel.MS_BIND | kernel.MS_REC)
    if read_only:
        _make_read_only(target)


def _make_read_only(target: str) -> None:
    """Also what is mounted below; where the kernel is too old for that, the place itself."""
    try:
        attributes = (0x1 | 0x2).to_bytes(8, "little") + bytes(24)  # read-only, no set-uid
        kernel.system_call("mount_setattr", -100, os.fsencode(target), 0x8000, attributes, 32)
    except OSError:
        kept = os.statvfs(target).f_flag & (
            kernel.MS_NODEV | 8 | 1024 | 2048
        )  # flags that may not be taken off
        kernel.mount("none", target, flags=READ_ONLY | kept)
