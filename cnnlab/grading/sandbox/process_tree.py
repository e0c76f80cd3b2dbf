"""Process trees: processor time, memory and number of the tasks below a process; and how to end all of them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from cnnlab.grading.sandbox import syscalls

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
HELD = (b"RssAnon:", b"RssShmem:", b"VmSwap:", b"VmPTE:")  # in a process's status: memory that no file backs
SHARE = (b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:")  # its share of them, in smaps_rollup


@dataclass(frozen=True)
class Usage:
    """Usage of a process tree: processor seconds, bytes of memory that is not file-backed, number of processes and threads."""

    seconds: float
    memory: int
    tasks: int


class ProcessTree:
    """The watch over everything below this process, where there is no control group for it: `limits` are those of the submission."""

    pause = 0.05  # seconds between two looks: nobody else sees to the limits

    def __init__(self, limits: dict[str, Any]) -> None:
        self._limits = limits

    def join(self) -> None:
        """Nothing: a child is in its parent's tree."""

    def look(self) -> tuple[str, float]:
        """What the processes take too much of ("memory", "processes" or ""), and their seconds of the processor."""
        used = usage(os.getpid(), self._limits["memory_bytes"])
        if used.memory > self._limits["memory_bytes"]:
            return "memory", used.seconds
        return "processes" if used.tasks > self._limits["processes"] else "", used.seconds

    def remove(self) -> None:
        """Nothing: there is nothing left of a tree that has ended."""


def descendants(process: int) -> list[int]:
    """All descendants of `process`."""
    found: dict[int, None] = {}
    queue = [process]
    while queue:
        new = [child for child in children(queue.pop()) if child not in found]
        found |= dict.fromkeys(new)
        queue += new
    return list(found)


def usage(process: int, enough: int) -> Usage:
    """Total usage of everything below `process`, not counting the memory that `process` has itself, which forks share.

    The memory is an upper bound, since forks may share more. Only one above `enough` bytes is counted exactly, which takes longer.
    """
    base = _usage_of(process)[1]
    seconds, tasks, held = 0.0, 0, {}
    for child in descendants(process):
        try:
            cpu_seconds, memory, threads = _usage_of(child)
        except (OSError, ValueError, IndexError, psutil.Error):
            continue  # it has ended
        held[child] = max(0, memory - base)
        seconds, tasks = seconds + cpu_seconds, tasks + threads
    if sum(held.values()) > enough:
        held = {child: min(memory, _share(child, memory)) for child, memory in held.items()}
    return Usage(seconds, sum(held.values()), tasks)


def threads(process: int | str = "self") -> int:
    """Number of threads of a process."""
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{process}/task"))
    return threading.active_count() if process == "self" else 1


def kill_tree(process: int, *, seconds: float = 10.0) -> None:
    """End everything below `process`, also processes started meanwhile; `process` itself stays."""
    deadline = time.monotonic() + seconds
    while pids := descendants(process):
        for child in pids:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        while True:  # orphans become children of `process`
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                return
        if time.monotonic() > deadline:
            return
        time.sleep(0.001)


def children(process: int) -> list[int]:
    """The processes whose parent is `process`."""
    if not syscalls.LINUX:
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in psutil.Process(process).children()]
        return []
    pids = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            with contextlib.suppress(OSError):
                pids += map(int, Path(f"/proc/{process}/task/{thread}/children").read_text().split())
    return pids


def _usage_of(process: int) -> tuple[float, int, int]:
    """Processor seconds (with those of children it has waited for), memory and threads of one process."""
    if not syscalls.LINUX:
        with psutil.Process(process).oneshot() as info:
            times = info.cpu_times()
            return times.user + times.system, info.memory_info().rss, info.num_threads()
    fields = (
        Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
    )  # the name may be any bytes
    held = _kilobytes(Path(f"/proc/{process}/status").read_bytes(), HELD)
    return sum(map(int, fields[11:15])) / TICK, held, int(fields[17])


def _share(process: int, unless: int) -> int:
    try:
        return _kilobytes(Path(f"/proc/{process}/smaps_rollup").read_bytes(), SHARE)
    except OSError:  # it has ended, or may not be looked into
        return unless


def _kilobytes(text: bytes, names: tuple[bytes, ...]) -> int:
    """The sum, in bytes, of the lines of these names."""
    return sum(1024 * int(line.split()[1]) for line in text.splitlines() if line.startswith(names))
