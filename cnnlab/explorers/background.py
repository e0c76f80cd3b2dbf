"""Slow computations in short steps on the kernel's event loop, so that the controls stay responsive."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

Result = TypeVar("Result")
Key = TypeVar("Key")
Request = TypeVar("Request")

PAUSE = 0.004
"""Seconds between two steps, in which the kernel handles messages from the browser."""

FIRST_PAUSE = 0.1
"""Seconds before the first step: the browser receives the new drawing first, and while a key is held down, the next
change comes before the slow work begins."""

COMPUTE_LOCK = threading.RLock()
"""Held while an explorer computes. JupyterLab may handle widget messages in a separate thread, beside the one that
runs the cells; if both freeze and unfreeze the same network at once, it is left changed."""


class BackgroundSteps(Generic[Result]):
    """Runs an iterator in the background, result by result, until it ends, fails, or is stopped.

    A running torch call cannot be cancelled, so the iterator should make short steps (some 30 ms). Within a kernel the steps
    alternate with its other work; without a running loop (a script, a test) all of them run at once.
    """

    def __init__(self) -> None:
        self._run_id = 0
        self._running = False
        self._task: asyncio.Task | None = None  # the loop itself keeps only a weak reference

    @property
    def running(self) -> bool:
        return self._running

    def start(
        self,
        steps: Iterator[Result],
        show: Callable[[Result], None],
        finish: Callable[[Exception | None], None],
    ) -> None:
        """Start the steps: `show` receives each result, `finish` None at the end or the error; neither is called after `stop`."""
        self.stop()
        self._running = True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._run_all(steps, show, finish, self._run_id)
        else:
            self._task = loop.create_task(self._run_async(steps, show, finish, self._run_id))

    def stop(self) -> None:
        """Stop the steps; the results shown so far stay."""
        self._run_id += 1
        self._running = False

    async def _run_async(self, steps, show, finish, run_id: int) -> None:
        await asyncio.sleep(FIRST_PAUSE)
        while self._step(steps, show, finish, run_id):
            await asyncio.sleep(PAUSE)

    def _run_all(self, steps, show, finish, run_id: int) -> None:
        while self._step(steps, show, finish, run_id):
            pass

    def _step(self, steps, show, finish, run_id: int) -> bool:
        """Run one step of run number `run_id`; False when there is nothing more to do."""
        with COMPUTE_LOCK:
            if run_id != self._run_id:
                return False
            try:
                show(next(steps))
            except StopIteration:
                self.stop()
                finish(None)
            except Exception as error:  # any error is shown in the explorer
                self.stop()
                finish(error)
            return run_id == self._run_id


def told(steps: Iterator[Result], total: int, tell: Callable[[str], None]) -> Iterator[Result]:
    """The steps, `total` of them, with a progress report: `tell` receives "10%", "20%" and so on."""
    said = 0
    for number, step in enumerate(steps, start=1):
        if number * 10 // max(total, 1) > said:
            said = number * 10 // max(total, 1)
            tell(f"{min(said, 10) * 10}%")
        yield step


def compute_missing(
    requests: Mapping[Key, Request], results: dict[Key, Result], compute: Callable[[Request], Result]
) -> Iterator[Key]:
    """Steps for a `BackgroundSteps` that compute the missing results: each adds one to `results` and yields its key."""
    for key, request in requests.items():
        if key not in results:
            results[key] = compute(request)
            yield key
