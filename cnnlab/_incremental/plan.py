"""Which steps of a network are computed in windows, and which in full, when a square of the picture is replaced.

See `cnnlab.incremental.answers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.fx.node import Node

from cnnlab.incremental.reach import Sliding, pointwise, sliding
from cnnlab.incremental.tracing import Recording
from cnnlab.incremental.windows import Place, Stretch, Windows, hull

ENOUGH = 0.75
"""Windows that cover this share of their map, on average over the places, are pasted, and computed in full from there on."""


@dataclass(frozen=True, eq=False)
class Windowed:
    """A step that is computed in windows: the rows that change for each top of the square, and the columns for each left.

    `shape` is that of the whole maps. A step without a `kernel` looks at each position by itself.
    """

    rows: dict[int, Stretch]
    columns: dict[int, Stretch]
    shape: torch.Size
    kernel: Sliding | None = None

    @property
    def share(self) -> float:
        """The part of the map that a window covers, on average over the places."""
        part = 1.0
        for stretches, total in ((self.rows, self.shape[-2]), (self.columns, self.shape[-1])):
            part *= sum(stop - start for start, stop in stretches.values()) / (len(stretches) * total)
        return part

    def area(self, place: Place) -> int:
        """The number of positions that change for this place of the square."""
        (top, bottom), (left, right) = self.rows[place[0]], self.columns[place[1]]
        return (bottom - top) * (right - left)

    def windows(self, places: Sequence[Place]) -> Windows:
        """The windows for these places, all of one size."""
        rows, columns = [self.rows[top] for top, _ in places], [self.columns[left] for _, left in places]
        return Windows.over(rows, columns, self.shape)


@dataclass(frozen=True, eq=False)
class Plan:
    """What is computed how.

    `windowed` holds the steps that are computed in windows, in their order, after the picture itself; `full` the others that the
    square can change; `pasted` those of the former that the latter take, whole. `kept` are the maps of the uncovered picture that
    are still needed, and whatever does not depend on a picture. `finished` says whose results nobody needs after a step.
    """

    windowed: dict[Node, Windowed]
    full: list[Node]
    pasted: list[Node]
    kept: dict[Node, Any]
    finished: dict[Node, list[Node]]


def planned(recording: Recording, size: int, rows: Sequence[int], columns: Sequence[int]) -> Plan:
    """The plan for a square of `size` pixels whose upper left corner is in one of these rows and one of these columns."""
    picture, values, affected = recording.picture, recording.values, recording.affected
    spans = ({start: (start, start + size) for start in starts} for starts in (rows, columns))
    windowed = {picture: Windowed(*spans, values[picture].shape)}
    for step in recording.steps:
        plan = _in_windows(recording, step, windowed)
        if plan and plan.share < ENOUGH:
            windowed[step] = plan
    full = [step for step in recording.steps if step in affected and step not in windowed]
    askers = [step for step in full if asks_for_shape(step)]
    takers = {recording.output, *full}.difference(askers)
    pasted = [node for node in windowed if not takers.isdisjoint(node.users)]
    joined = [step for step, plan in windowed.items() if not plan.kernel and len(step.all_input_nodes) > 1]
    needed = {*pasted, *(node for step in (*askers, *joined) for node in step.all_input_nodes)}
    kept = {node: value for node, value in values.items() if node in needed or node not in affected}
    return Plan(windowed, full, pasted, kept, _finished([*windowed, *full, recording.output]))


def asks_for_shape(step: Node) -> bool:
    """Whether the step only asks how large a tensor is."""
    if step.target is getattr:
        return step.args[1] in ("shape", "ndim", "dtype", "device")
    return step.op == "call_method" and step.target in ("size", "dim")


def _in_windows(recording: Recording, step: Node, windowed: dict[Node, Windowed]) -> Windowed | None:
    """How the step is computed in windows; None if it takes anything that is not, or may look at the whole map."""
    sources = [windowed.get(node) for node in step.all_input_nodes if node in recording.affected]
    if not sources or None in sources:
        return None
    kernel = sliding(recording, step)
    if not kernel and not pointwise(recording, step):
        return None
    shape = recording.values[step].shape
    rows = {top: hull(*(source.rows[top] for source in sources)) for top in sources[0].rows}
    columns = {left: hull(*(source.columns[left] for source in sources)) for left in sources[0].columns}
    if kernel:
        rows = {top: kernel.rows.touched(stretch, shape[-2]) for top, stretch in rows.items()}
        columns = {left: kernel.columns.touched(stretch, shape[-1]) for left, stretch in columns.items()}
    return Windowed(rows, columns, shape, kernel)


def _finished(steps: list[Node]) -> dict[Node, list[Node]]:
    """For each of the steps, which results it is the last to take."""
    last = {node: step for step in steps for node in step.all_input_nodes}
    finished = {step: [] for step in steps}
    for node, step in last.items():
        finished[step].append(node)
    return finished
