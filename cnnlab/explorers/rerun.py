"""Rerun: an explorer gives back what it held when the cell that made it is run again.

The kernel keeps every widget until it is closed, and with it the explorer's network, pictures and maps; IPython keeps what a cell
displayed, in `Out`. So after each run of a cell, the explorers of its run before are closed: what they drew has left the page. One that
the reader still has under a name of their own stays. In a script, or where cells have no identity, nothing is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol
from weakref import WeakSet

import ipywidgets as widgets
from IPython import get_ipython

from cnnlab.explorers.background import COMPUTE_LOCK, BackgroundSteps


class Closable(Protocol):
    """What is made in a cell: an explorer, with its widgets; it and its parts may work in the background."""

    widget: widgets.Widget


_new: WeakSet[Closable] = WeakSet()
_made_in: dict[str, WeakSet[Closable]] = {}
_shells: WeakSet[Any] = WeakSet()


def made_here(explorer: Closable) -> None:
    """Note that the cell that runs now has made this explorer."""
    shell = get_ipython()
    if shell is None:
        return
    if shell not in _shells:
        _shells.add(shell)
        shell.events.register("post_run_cell", lambda result: _after_run(shell, result.info))
    _new.add(explorer)


def _after_run(shell: Any, info: Any) -> None:
    """Close the explorers of the run before, unless they have a name; the new ones are closed after the next run."""
    cell = getattr(info, "cell_id", None)
    made = WeakSet(_new)
    _new.clear()
    if cell is None:
        return
    for explorer in _made_in.get(cell, ()):
        if any(value is explorer for name, value in shell.user_ns.items() if not name.startswith("_")):
            made.add(explorer)
        else:
            shell.user_ns["_closed"] = explorer
            shell.del_var("_closed")  # and `Out`, `_`, `_3` and whatever else IPython knows it by
            close(explorer)
    _made_in[cell] = made


def close(explorer: Closable) -> None:
    """Stop the explorer's work and close its widgets, with their layouts and styles."""
    with COMPUTE_LOCK:
        for work in _works(explorer, set()):
            work.stop()
        for part in _parts(explorer.widget, {}).values():
            part.close()


def _works(owner: Any, seen: set[int]) -> Iterator[BackgroundSteps[Any]]:
    """The work in the background of an explorer and of its parts, such as a player or a panel."""
    seen.add(id(owner))
    if isinstance(owner, BackgroundSteps):
        yield owner
    for part in getattr(owner, "__dict__", {}).values():
        if type(part).__module__.startswith(f"{__package__}.") and id(part) not in seen:
            yield from _works(part, seen)


def _parts(widget: widgets.Widget, found: dict[int, widgets.Widget]) -> dict[int, widgets.Widget]:
    """The widget, its links, and all that its traits refer to, by identity."""
    if id(widget) not in found:
        found[id(widget)] = widget
        for value in (getattr(widget, "links", ()), *(getattr(widget, name) for name in widget.keys)):
            for part in value if isinstance(value, tuple | list) else (value,):
                if isinstance(part, widgets.Widget):
                    _parts(part, found)
    return found
