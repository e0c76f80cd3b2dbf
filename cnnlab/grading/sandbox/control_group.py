"""Control groups: the kernel's own count of what the processes of a submission use, and its limits on their memory and number.

The grader makes a group for each fork server, as deep in the tree of groups as it may, and hands its folders over as open descriptors:
they serve behind walls too, and student code never has them. In it, each supervisor makes a group for its submission. The worker joins it
before it is confined: what it shares with the fork server is not charged to it, only what it takes from then on. Files in its box are in
memory, and count.

Version 2 has one tree, in which the grader needs a group that it may divide and that gives memory and pids to those inside (root's, or
a service or scope of systemd with `Delegate=yes`). Version 1 has a tree for each controller.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

TREES = {2: ("",), 1: ("memory", "pids", "cpuacct")}
OWN = Path("/proc/self/cgroup")  # which groups this process is in
KINDS = {2: "cgroup2", 1: "cgroup"}  # of file systems
# In version 1 a process with one thread moves itself by `tasks` at once; by `cgroup.procs` it waits for every processor, some 15 ms.
JOIN = {2: "cgroup.procs", 1: "tasks"}
LIMITS = {
    2: {"memory.max": "memory_bytes", "pids.max": "processes"},
    1: {"memory.limit_in_bytes": "memory_bytes", "pids.max": "processes"},
}
SWAP = {
    2: ("memory.swap.max", 0),
    1: ("memory.memsw.limit_in_bytes", 1),
}  # times the memory; missing without swap
SERVER = (
    "server"  # the fork server's own group: in version 2, processes are only in groups that are not divided
)
MEMBER = "submission-"


@dataclass(frozen=True)
class Parent:
    """The group of a fork server: the version, and its folder in each tree, as a path or as a descriptor."""

    version: int
    folders: dict[str, Any]

    def opened(self) -> Parent:
        """The same group by descriptors, for another process; each is to be closed."""
        flags = os.O_RDONLY | os.O_DIRECTORY
        return Parent(self.version, {tree: os.open(path, flags) for tree, path in self.folders.items()})

    def as_dict(self) -> dict[str, Any]:
        """The group as a dictionary."""
        return asdict(self)

    def settle(self) -> None:
        """Put this process, the fork server, into the group. By descriptors."""
        for folder in self.folders.values():
            os.mkdir(SERVER, dir_fd=folder)
            _write(folder, f"{SERVER}/{JOIN[self.version]}", 0)

    def hand_over(self, owner: int) -> None:
        """Let the user `owner` make groups inside, and move processes between them. By descriptors."""
        for folder in self.folders.values():
            os.chown(folder, owner, owner)
            os.chown("cgroup.procs", owner, owner, dir_fd=folder)

    def remove(self, *, seconds: float = 5.0) -> None:
        """Remove the group with all groups in it, and end who is still there: a lost supervisor's processes. By paths."""
        for folder in self.folders.values():
            deadline = time.monotonic() + seconds
            while folder.is_dir() and not _remove(folder) and time.monotonic() < deadline:
                _end_members(folder)
                time.sleep(0.01)


def make_parent(name: str) -> Parent | None:
    """A new group, as deep in its tree as this process may make one; None where there is none to be had."""
    for version, trees in TREES.items():
        parent = Parent(version, {})
        for tree in trees:
            for level in _levels(version, tree):
                with suppress(OSError):
                    parent.folders[tree] = _make(level / name, version)
                    break
        if len(parent.folders) == len(trees):
            return parent
        parent.remove()
    return None


def remove_stale(prefix: str, is_stale: Callable[[str], bool]) -> None:
    """Remove the groups, wherever they are, whose names have this prefix and are stale; not if a process is still in one."""
    for version, trees in TREES.items():
        for root in [level for tree in trees for level in _levels(version, tree)[-1:]]:
            for around, names, _ in os.walk(root):
                for name in names:
                    folder = Path(around, name)
                    if name.startswith(prefix) and is_stale(name) and not _members(folder):
                        _remove(folder)


def _levels(version: int, tree: str) -> list[Path]:
    """The folders of the group that this process is in and of those above it, the deepest first."""
    for mount in psutil.disk_partitions(all=True):
        if mount.fstype == KINDS[version] and (not tree or tree in mount.opts.split(",")):
            break
    else:
        return []
    root, own = Path(mount.mountpoint), ""
    for line in OWN.read_text().splitlines():
        _, names, path = line.split(":", 2)
        own = path.lstrip("/") if tree in names.split(",") else own
    levels = [root / own, *(root / own).parents]
    return [
        level
        for level in levels
        if level.is_relative_to(root) and ".." not in level.parts and _is_folder(level)
    ]


def _make(folder: Path, version: int) -> Path:
    folder.mkdir()
    try:
        if version == 2:
            folder.joinpath("cgroup.subtree_control").write_text("+memory +pids")
    except OSError:
        folder.rmdir()
        raise
    return folder


def _is_folder(path: Path) -> bool:
    with suppress(OSError):  # a folder that may not be searched, or a name too long
        return path.is_dir()
    return False


def _remove(folder: Path) -> bool:
    """Remove a group with those in it, the deepest first; whether it is gone. The kernel refuses where somebody is in one."""
    gone = True
    for inside, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(inside)
        except OSError:
            gone = False
    return gone


def _members(folder: Path) -> list[int]:
    """The processes in a group and in those inside it."""
    found = []
    for inside, _, _ in os.walk(folder):
        with suppress(OSError):
            found += map(int, Path(inside, "cgroup.procs").read_text().split())
    return found


def _end_members(folder: Path) -> None:
    for process in filter(
        None, _members(folder)
    ):  # 0 is one that cannot be seen from here, and to `kill` it is this one's group
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)


def _open(folder: int, path: str, flags: int) -> int:
    return os.open(path, flags, dir_fd=folder)


def _read(folder: int, path: str) -> str:
    with open(path, opener=partial(_open, folder)) as file:
        return file.read()


def _write(folder: int, path: str, value: int) -> None:
    with open(path, "w", opener=partial(_open, folder)) as file:
        file.write(str(value))


class ControlGroup:
    """The group of one submission: the kernel ends who takes too much memory, and refuses tasks that are too many.

    Parameters
    ----------
    parent
        The fork server's group, by descriptors.
    limits
        `memory_bytes` and `processes`, as in `Limits`.

    Raises
    ------
    OSError
        If the group cannot be made.
    """

    pause = 0.25  # seconds between two looks, for the processor's time; the kernel sees to the rest

    def __init__(self, parent: Parent, limits: dict[str, Any]) -> None:
        self._parent, self._name = parent, f"{MEMBER}{os.getpid()}"
        self._memory = limits["memory_bytes"]
        self.remove()  # that of a lost supervisor with this number
        try:
            for folder in parent.folders.values():
                os.mkdir(self._name, dir_fd=folder)
            for file, name in LIMITS[parent.version].items():
                self._write(file, limits[name])
            with suppress(OSError):
                file, times = SWAP[parent.version]
                self._write(file, times * limits["memory_bytes"])
        except OSError:
            self.remove()
            raise

    def join(self) -> None:
        """Put this process into the group, with all that it starts from now on."""
        for folder in self._parent.folders.values():
            _write(folder, f"{self._name}/{JOIN[self._parent.version]}", 0)

    def look(self) -> tuple[str, float]:
        """What the processes have taken too much of ("memory", "processes" or ""), and their seconds of the processor."""
        if self._parent.version == 2:
            events = self._fields("memory.events")
            over, seconds = events["oom"], self._fields("cpu.stat")["usage_usec"] / 1e6
        else:
            events, seconds = self._fields("memory.oom_control"), int(self._read("cpuacct.usage")) / 1e9
            over = int(self._read("memory.max_usage_in_bytes")) > 0.9 * self._memory
        if (
            over and events["oom_kill"]
        ):  # at its own limit; the kernel also ends processes if the whole machine lacks memory
            return "memory", seconds
        return "processes" if self._fields("pids.events")["max"] else "", seconds

    def remove(self) -> None:
        """Remove the group, when all in it have ended."""
        for folder in self._parent.folders.values():
            with suppress(OSError):
                os.rmdir(self._name, dir_fd=folder)

    def _folder(self, file: str) -> int:
        folders = self._parent.folders
        return folders.get(file.partition(".")[0], folders.get("", -1))

    def _read(self, file: str) -> str:
        return _read(self._folder(file), f"{self._name}/{file}")

    def _write(self, file: str, value: int) -> None:
        _write(self._folder(file), f"{self._name}/{file}", value)

    def _fields(self, file: str) -> dict[str, int]:
        return {name: int(value) for name, value in map(str.split, self._read(file).splitlines())}
