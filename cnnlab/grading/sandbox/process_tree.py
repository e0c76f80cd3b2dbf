"""Process trees: processor time, memory and number of the processes below a process; and how to end all of them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from cnnlab.grading.sandbox import syscalls

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Usage:
    """Usage of a process tree: processor seconds, bytes of memory that is not file-backed, and number of processes."""

    seconds: float
    memory: int
    processes: int


def descendants(process: int) -> dict[int, int]:
    """All descendants of `process`, each with its parent."""
    parents: dict[int, int] = {}
    queue = [process]
    while queue:
        parent = queue.pop()
        new = [child for child in children(parent) if child not in parents]
        parents |= dict.fromkeys(new, parent)
        queue += new
    return parents


def usage(process: int) -> Usage:
    """Total usage of everything below `process`; each process counts the memory that it has beyond its parent, as forks share memory."""
    held: dict[int, int] = {process: _usage_of(process)[1]}
    seconds, parents = 0.0, descendants(process)
    for child in parents:
        try:
            cpu_seconds, held[child] = _usage_of(child)
        except (OSError, ValueError, IndexError, psutil.Error):
            continue  # it has ended
        seconds += cpu_seconds
    memory_growth = [
        max(0, held[child] - held.get(parent, 0)) for child, parent in parents.items() if child in held
    ]
    return Usage(seconds, sum(memory_growth), len(memory_growth))


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


def _usage_of(process: int) -> tuple[float, int]:
    if not syscalls.LINUX:
        with psutil.Process(process).oneshot() as info:
            times = info.cpu_times()
            return times.user + times.system, info.memory_info().rss
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    cpu_seconds = sum(map(int, fields[11:15])) / TICK  # its own, and that of children it has waited for
    held = 0
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(("RssAnon:", "RssShmem:")):
            held += int(line.split()[1]) * 1024
    return cpu_seconds, held
