"""Window plan: which steps of a network are computed in windows, and which in full, when a square of the image is replaced.

See `cnnlab._incremental.engine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.fx.node import Node

from cnnlab._incremental.dirty_region import SlidingKernel, as_sliding_kernel, is_pointwise
from cnnlab._incremental.tracing import Recording
from cnnlab._incremental.windows import Interval, Position, Windows, hull

FULL_FRACTION = 0.75
"""Windows that cover this share of their map, on average over the positions, are pasted, and computed in full from there on."""


@dataclass(frozen=True, eq=False)
class WindowedStep:
    """A step that is computed in windows: the rows that change for each top of the square, and the columns for each left.

    `shape` is that of the whole maps. A step without a `kernel` is pointwise.
    """

    rows: dict[int, Interval]
    columns: dict[int, Interval]
    shape: torch.Size
    kernel: SlidingKernel | None = None

    @property
    def mean_fraction(self) -> float:
        """The share of the map that a window covers, on average over the positions."""
        part = 1.0
        for stretches, total in ((self.rows, self.shape[-2]), (self.columns, self.shape[-1])):
            part *= sum(stop - start for start, stop in stretches.values()) / (len(stretches) * total)
        return part

    def windows(self, positions: Sequence[Position]) -> Windows:
        """The windows for these positions of the square, all of one size."""
        rows, columns = (
            [self.rows[top] for top, _ in positions],
            [self.columns[left] for _, left in positions],
        )
        return Windows.over(rows, columns, self.shape)


@dataclass(frozen=True, eq=False)
class WindowPlan:
    """Window plan: the steps to compute in windows and in full.

    `windowed_steps` holds the steps that are computed in windows, in their order, after the image itself; `full_steps` the others
    that the square can change; `pasted_nodes` those of the former that the latter read, whole. `cached` are the maps of the original
    image that are still needed, and all that does not depend on an image. `last_uses` lists the results that are not needed after a step.
    """

    windowed_steps: dict[Node, WindowedStep]
    full_steps: list[Node]
    pasted_nodes: list[Node]
    cached: dict[Node, Any]
    last_uses: dict[Node, list[Node]]

    @cached_property
    def heights(self) -> dict[int, float]:
        """For each top of the square the heights of its windows, each as a share of its map, added up over the steps."""
        return _total([(step.rows, step.shape[-2]) for step in self.windowed_steps.values()])

    @cached_property
    def widths(self) -> dict[int, float]:
        """The same for each left of the square and the widths of its windows."""
        return _total([(step.columns, step.shape[-1]) for step in self.windowed_steps.values()])


def make_plan(recording: Recording, size: int, rows: Sequence[int], columns: Sequence[int]) -> WindowPlan:
    """The plan for a square of `size` pixels whose upper left corner is in one of these rows and one of these columns."""
    picture, values, affected = recording.picture, recording.values, recording.affected
    spans = ({start: (start, start + size) for start in starts} for starts in (rows, columns))
    windowed = {picture: WindowedStep(*spans, values[picture].shape)}
    for step in recording.steps:
        windowed_step = _in_windows(recording, step, windowed)
        if windowed_step and windowed_step.mean_fraction < FULL_FRACTION:
            windowed[step] = windowed_step
    full = [step for step in recording.steps if step in affected and step not in windowed]
    shape_queries = [step for step in full if reads_shape(step)]
    consumers = {recording.output, *full}.difference(shape_queries)
    pasted = [node for node in windowed if not consumers.isdisjoint(node.users)]
    joined = [
        step
        for step, windowed_step in windowed.items()
        if not windowed_step.kernel and len(step.all_input_nodes) > 1
    ]
    needed = {*pasted, *(node for step in (*shape_queries, *joined) for node in step.all_input_nodes)}
    cached = {node: value for node, value in values.items() if node in needed or node not in affected}
    return WindowPlan(windowed, full, pasted, cached, _last_uses([*windowed, *full, recording.output]))


def reads_shape(step: Node) -> bool:
    """Whether the step only reads the shape of a tensor."""
    if step.target is getattr:
        return step.args[1] in ("shape", "ndim", "dtype", "device")
    return step.op == "call_method" and step.target in ("size", "dim")


def _in_windows(recording: Recording, step: Node, windowed: dict[Node, WindowedStep]) -> WindowedStep | None:
    """How the step is computed in windows; None if one of its inputs is not, or if it may read the whole map."""
    sources = [windowed.get(node) for node in step.all_input_nodes if node in recording.affected]
    if not sources or None in sources:
        return None
    kernel = as_sliding_kernel(recording, step)
    if not kernel and not is_pointwise(recording, step):
        return None
    shape = recording.values[step].shape
    rows = {top: hull(*(source.rows[top] for source in sources)) for top in sources[0].rows}
    columns = {left: hull(*(source.columns[left] for source in sources)) for left in sources[0].columns}
    if kernel:
        rows = {top: kernel.rows.affected_outputs(stretch, shape[-2]) for top, stretch in rows.items()}
        columns = {
            left: kernel.columns.affected_outputs(stretch, shape[-1]) for left, stretch in columns.items()
        }
    return WindowedStep(rows, columns, shape, kernel)


def _total(axes: list[tuple[dict[int, Interval], int]]) -> dict[int, float]:
    """For each start of the square the lengths of its intervals, each as a share of its axis' length, added up."""
    return {
        start: sum((stretches[start][1] - stretches[start][0]) / length for stretches, length in axes)
        for start in axes[0][0]
    }


def _last_uses(steps: list[Node]) -> dict[Node, list[Node]]:
    """For each of the steps, the results that it is the last to use."""
    last = {node: step for step in steps for node in step.all_input_nodes}
    finished = {step: [] for step in steps}
    for node, step in last.items():
        finished[step].append(node)
    return finished
