"""Separate namespaces for users, mounts, network, IPC and processes; and a file system with only the visible folders."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from cnnlab.grading.sandbox import syscalls
from cnnlab.grading.sandbox.readable_paths import DEVICES

SCRATCH = "/scratch"
WRITABLE = (SCRATCH, "/dev/shm")  # each submission's own, of limited size
STUDENT = 65533  # the user and group that runs a submission if the grader is root: nobody's
READ_ONLY = syscalls.MS_BIND | syscalls.MS_REMOUNT | syscalls.MS_RDONLY | syscalls.MS_NOSUID


def enter(readable: Iterable[str], build_at: str, *, as_root: bool) -> None:
    """Move this process into a file system with the `readable` paths only, read-only, without a network.

    This takes a user namespace, or else root's rights (`as_root`), which `become_student` gives up.

    `build_at` is an empty folder; outside of the new mount namespace it stays empty. `/proc` is the old one, for processes that watch
    their descendants; `furnish_box` hides it from student code.
    """
    others = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
    if as_root:
        syscalls.unshare(others)
    else:
        _unshare_user(others)
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("cnnlab", build_at, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "size=16m,mode=755")
    for path in readable:
        _show(path, build_at)
    for device in DEVICES:
        with contextlib.suppress(OSError):
            _bind(device, build_at + device, read_only=False)
    for empty in ("/proc", "/tmp", *WRITABLE):
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


def become_student() -> None:
    """Let this process, which is root's, be another user's from now on, in every respect."""
    os.setgroups([])
    os.setresgid(STUDENT, STUDENT, STUDENT)
    os.setresuid(STUDENT, STUDENT, STUDENT)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # its own files in /proc stay its own


def unshare_box() -> None:
    """Begin the box of one submission, before its first process is forked: namespaces of its own, in which its tasks are counted.

    The next child is the first process of the new process namespace: when it ends, all below it end.
    """
    _unshare_user(syscalls.CLONE_NEWPID | syscalls.CLONE_NEWIPC)


def furnish_box(scratch_bytes: int) -> None:
    """In that child: a `/proc` that shows no other processes (empty where the kernel gives none), and empty folders to write into."""
    syscalls.unshare(syscalls.CLONE_NEWNS)  # its parent, which watches it, keeps the old view
    safe = syscalls.MS_NOSUID | syscalls.MS_NODEV
    try:
        syscalls.mount("proc", "/proc", "proc", safe | syscalls.MS_RDONLY)
    except OSError:  # inside a container whose own /proc is partly covered
        syscalls.mount("cnnlab", "/proc", "tmpfs", safe | syscalls.MS_RDONLY, "size=4k")
    for folder in WRITABLE:
        size = f"size={scratch_bytes},mode=700,nr_inodes=100k"
        syscalls.mount("cnnlab", folder, "tmpfs", safe, size)


def _unshare_user(others: int) -> None:
    """Enter a new user namespace, and the `others`, in which this process's user has the number that it has outside."""
    user, group = os.getuid(), os.getgid()
    syscalls.unshare(syscalls.CLONE_NEWUSER | others)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


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
