"""What the processes below a process take: processor time, memory, how many they are; and how all of them are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from cnnlab.grading.running import kernel

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Usage:
    """Processor seconds, bytes of memory that are not a file's, and the number of processes."""

    seconds: float
    memory: int
    processes: int


def below(process: int) -> dict[int, int]:
    """The children of `process`, their children, and so on, each with its parent."""
    found: dict[int, int] = {}
    waiting = [process]
    while waiting:
        parent = waiting.pop()
        new = [child for child in children(parent) if child not in found]
        found |= dict.fromkeys(new, parent)
        waiting += new
    return found


def usage(process: int) -> Usage:
    """What everything below `process` takes together; of memory, each counts what it holds more than its parent, as a fork shares."""
    held: dict[int, int] = {process: _of_one(process)[1]}
    seconds, family = 0.0, below(process)
    for child in family:
        try:
            spent, held[child] = _of_one(child)
        except (OSError, ValueError, IndexError, psutil.Error):
            continue  # it has ended
        seconds += spent
    more = [max(0, held[child] - held.get(parent, 0)) for child, parent in family.items() if child in held]
    return Usage(seconds, sum(more), len(more))


def end(process: int, *, seconds: float = 10.0) -> None:
    """End everything below `process`, also what is started meanwhile; `process` itself stays."""
    until = time.monotonic() + seconds
    while found := below(process):
        for child in found:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        while True:  # those that were handed to `process` when their parent ended
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                return
        if time.monotonic() > until:
            return
        time.sleep(0.001)


def children(process: int) -> list[int]:
    """The processes whose parent is `process`."""
    if not kernel.LINUX:
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in psutil.Process(process).children()]
        return []
    found = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            with contextlib.suppress(OSError):
                found += map(int, Path(f"/proc/{process}/task/{thread}/children").read_text().split())
    return found


def _of_one(process: int) -> tuple[float, int]:
    if not kernel.LINUX:
        with psutil.Process(process).oneshot() as one:
            times = one.cpu_times()
            return times.user + times.system, one.memory_info().rss
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    spent = sum(map(int, fields[11:15])) / TICK  # its own, and those of children that it has waited for
    held = 0
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(("RssAnon:", "RssShmem:")):
            held += int(line.split()[1]) * 1024
    return spent, held
