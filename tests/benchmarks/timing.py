"""What the benchmarks share: the time that a piece of work takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds that `work()` takes, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
