"""Slow computations in short steps on the kernel's event loop, so that the controls stay responsive."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar
from weakref import WeakSet

import ipywidgets as widgets

from cnnlab.explorers.effort import PATIENCE

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

_tasks: WeakSet[asyncio.Task] = WeakSet()


async def rest() -> None:
    """Wait until no explorer works in the background: what is shown then is what its first work leads to."""
    while tasks := [task for task in _tasks if not task.done()]:
        await asyncio.wait(tasks)


class BackgroundSteps(Generic[Result]):
    """Runs an iterator in the background, result by result, until it ends, fails, or is stopped.

    A running torch call cannot be cancelled, so the iterator should make short steps (some 30 ms). Within a kernel the steps
    alternate with its other work; without a running loop (a script, a test) all of them run at once. `fail` receives an error.
    """

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail
        self._run_id = 0
        self._running = False
        self._task: asyncio.Task | None = None  # the loop itself keeps only a weak reference
        self._start_button: widgets.Button | None = None
        self._stop_button: widgets.Button | None = None

    @property
    def running(self) -> bool:
        return self._running

    def link(self, start: widgets.Button | None, stop: widgets.Button | None) -> None:
        """Buttons to disable and to enable while the steps run; what they do is up to the explorer."""
        self._start_button, self._stop_button = start, stop

    def start(
        self,
        steps: Iterator[Result],
        show: Callable[[Result], None] = lambda _result: None,
        done: Callable[[], None] = lambda: None,
        *,
        at_once: bool = False,
    ) -> None:
        """Start the steps: `show` receives each result, `done` is called at the end; neither is called after `stop`.

        `at_once` takes all steps before it returns, and raises their errors: for a first result. Those that have not come within
        `PATIENCE` follow in the background.
        """
        self.stop()
        if at_once:
            until = time.monotonic() + PATIENCE
            for result in steps:
                show(result)
                if time.monotonic() > until:
                    break
            else:
                done()
                return
        self._set_running(True)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._run_all(steps, show, done, self._run_id)
        else:
            self._task = loop.create_task(self._run_async(steps, show, done, self._run_id))
            _tasks.add(self._task)

    def stop(self) -> None:
        """Stop the steps; the results shown so far stay."""
        self._run_id += 1
        self._set_running(False)

    def _set_running(self, running: bool) -> None:
        self._running = running
        if self._start_button is not None:
            self._start_button.disabled = running
        if self._stop_button is not None:
            self._stop_button.disabled = not running

    async def _run_async(self, steps, show, done, run_id: int) -> None:
        await asyncio.sleep(FIRST_PAUSE)
        while self._step(steps, show, done, run_id):
            await asyncio.sleep(PAUSE)

    def _run_all(self, steps, show, done, run_id: int) -> None:
        while self._step(steps, show, done, run_id):
            pass

    def _step(self, steps, show, done, run_id: int) -> bool:
        """Run one step of run number `run_id`; False when there is nothing more to do."""
        with COMPUTE_LOCK:
            if run_id != self._run_id:
                return False
            try:
                for result in steps:  # one of them
                    show(result)
                    break
                else:
                    self.stop()
                    done()
            except Exception as error:  # any error is shown in the explorer
                self.stop()
                self._fail(error)
            return run_id == self._run_id


def with_progress(steps: Iterator[Result], total: int, report: Callable[[str], None]) -> Iterator[Result]:
    """The steps, `total` of them, with a progress report: `report` receives "10%", "20%" and so on."""
    tenths = 0
    for number, step in enumerate(steps, start=1):
        if number * 10 // max(total, 1) > tenths:
            tenths = number * 10 // max(total, 1)
            report(f"{min(tenths, 10) * 10}%")
        yield step


def compute_missing(
    requests: Mapping[Key, Request], results: dict[Key, Result], compute: Callable[[Request], Result]
) -> Iterator[Key]:
    """Steps for a `BackgroundSteps` that compute the missing results: each adds one to `results` and yields its key."""
    for key, request in requests.items():
        if key not in results:
            results[key] = compute(request)
            yield key
