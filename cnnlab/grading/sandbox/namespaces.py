"""Separate namespaces for users, mounts, network, IPC and processes; and a file system with only the visible folders."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from cnnlab.grading.sandbox import syscalls
from cnnlab.grading.sandbox.readable_paths import DEVICES

SCRATCH = "/scratch"
READ_ONLY = syscalls.MS_BIND | syscalls.MS_REMOUNT | syscalls.MS_RDONLY | syscalls.MS_NOSUID


def enter(readable: Iterable[str], build_at: str) -> None:
    """Move this process into a file system with the `readable` paths only, read-only, without a network.

    `build_at` is an empty folder; outside of the new mount namespace it stays empty. `/proc` is the old one, for processes that watch
    their descendants; `enter_pid_namespace` hides it from student code.
    """
    user, group = os.getuid(), os.getgid()
    syscalls.unshare(
        syscalls.CLONE_NEWUSER
        | syscalls.CLONE_NEWNS
        | syscalls.CLONE_NEWNET
        | syscalls.CLONE_NEWIPC
        | syscalls.CLONE_NEWUTS
    )
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("cnnlab", build_at, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "size=16m,mode=755")
    for path in readable:
        _show(path, build_at)
    for device in DEVICES:
        with contextlib.suppress(OSError):
            _bind(device, build_at + device, read_only=False)
    for empty in ("/proc", SCRATCH, "/tmp"):
        os.makedirs(build_at + empty, exist_ok=True)
    syscalls.mount("/proc", f"{build_at}/proc", flags=syscalls.MS_BIND | syscalls.MS_REC)
    os.chdir(build_at)
    syscalls.pivot_root(".", ".")
    syscalls.unmount(".")
    os.chdir("/")


def seal() -> None:
    """Make the file system that `enter` built read-only; scratch folders are mounted over it."""
    syscalls.mount(
        "none",
        "/",
        flags=syscalls.MS_BIND
        | syscalls.MS_REMOUNT
        | syscalls.MS_RDONLY
        | syscalls.MS_NOSUID
        | syscalls.MS_NODEV,
    )


def unshare_pid() -> None:
    """Make the next child the first process of a new process namespace: when it ends, all below it end."""
    syscalls.unshare(syscalls.CLONE_NEWPID)


def enter_pid_namespace(scratch_bytes: int) -> None:
    """In that child, mount a `/proc` that shows no other processes (empty where the kernel gives none), and an empty scratch folder."""
    has_proc = syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC)
    try:
        syscalls.mount("proc", "/proc", "proc", has_proc | syscalls.MS_RDONLY)
    except OSError:  # inside a container whose own /proc is partly covered
        syscalls.mount("cnnlab", "/proc", "tmpfs", has_proc | syscalls.MS_RDONLY, "size=4k")
    syscalls.mount("cnnlab", SCRATCH, "tmpfs", has_proc, f"size={scratch_bytes},mode=700,nr_inodes=100k")


def _show(path: str, root: str) -> None:
    if os.path.islink(path):
        target = root + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.symlink(os.readlink(path), target)
        return
    _bind(path, root + path, read_only=True)


def _bind(path: str, target: str, *, read_only: bool) -> None:
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    syscalls.mount(path, target, flags=syscalls.MS_BIND | syscalls.MS_REC)
    if read_only:
        _make_read_only(target)


def _make_read_only(target: str) -> None:
    """Make a mount read-only with all mounts below it; where the kernel is too old for that, only the mount itself."""
    try:
        attributes = (0x1 | 0x2).to_bytes(8, "little") + bytes(24)  # read-only, no set-uid
        syscalls.system_call("mount_setattr", -100, os.fsencode(target), 0x8000, attributes, 32)
    except OSError:
        flags = os.statvfs(target).f_flag & (
            syscalls.MS_NODEV | 8 | 1024 | 2048
        )  # flags that may not be removed
        syscalls.mount("none", target, flags=READ_ONLY | flags)
