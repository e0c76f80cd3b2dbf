"""Incremental engine: the logits of patched images, without recomputing what the replaced square cannot change.

A square of 32 pixels in an image of 224 changes the first maps in a small window only. A 3 x 3 convolution extends the change
by one position in each direction, pooling halves it; everywhere else the maps are those of the original image. So that
image goes through the network once, and its maps are kept. Then, for each position of the square, a layer computes its window
alone: the input that its kernel reads there is cut out of the kept map, and the window of the layer before is pasted into it. From
layer to layer the window grows and the map shrinks. Once the windows cover most of the map (`FULL_FRACTION`), they are pasted into
copies of the kept map, and the rest of the network runs in full. Either way, convolutions that allow it are computed with fewer
multiplications (`cnnlab._incremental.winograd`). Nothing is approximated: up to rounding, the logits are those of the full computation.
Windows of one size can go through a layer together, as one tensor, so positions with windows of similar sizes form a group
(`cnnlab._incremental.grouping`).

For which window belongs to which layer see `cnnlab._incremental.dirty_region`; for how a network becomes a list of steps
with their results, `cnnlab._incremental.tracing`. Layers that cannot be analysed this way fall back to the full forward pass.

Nakandala, Kumar & Papakonstantinou, "Incremental and Approximate Inference for Faster Occlusion-based Deep CNN Explanations",
SIGMOD 2019, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.fx.node import Node

from cnnlab._incremental.batching import MemoryProbe, PreparedModel, batch_size_for
from cnnlab._incremental.grouping import group_by_size
from cnnlab._incremental.plan import WindowPlan, make_plan, reads_shape
from cnnlab._incremental.tracing import Recording, record_steps
from cnnlab._incremental.windows import Patches, Position, Windows, paste, patched_images, read_windows
from cnnlab.networks.seeding import num_threads

GROUP_SIZE = 12
"""The fewest positions whose windows go through a layer together. More of them differ more in size; fewer leave the processor idle."""

MAX_BATCH = 128
"""The largest batch of positions: large enough that the large matrices of a classifier are read only a few times."""

MIN_POSITIONS = 8
"""With fewer positions than this, preparation takes longer than it saves."""


class IncrementalEngine:
    """A network that computes one image with a square replaced at varying positions, `batch_size` positions at once."""

    def __init__(self, recording: Recording, plan: WindowPlan):
        self.batch_size = MAX_BATCH
        self._recording, self._plan = recording, plan

    def logits(self, positions: Sequence[Position], squares: Tensor) -> Tensor:
        """N x C logits, at least in float32, one row for each position and the square (N x 3 x size x size) pasted there."""
        return self.finish(self.window_maps(positions, squares), len(positions))

    @torch.inference_mode()
    def window_maps(self, positions: Sequence[Position], squares: Tensor) -> dict[Node, Any]:
        """The complete maps of the steps from which the network runs in full."""
        whole = {node: _repeat(self._plan.cached[node], len(positions)) for node in self._plan.pasted_nodes}
        groups = self.groups(positions)
        with parallel_map(len(groups)) as run:
            list(run(lambda group: self._paste_windows(whole, group, positions, squares), groups))
        return whole

    @torch.inference_mode()
    def _paste_windows(
        self, whole: dict[Node, Tensor], group: list[int], positions: Sequence[Position], squares: Tensor
    ) -> None:
        """Compute the windows of some of the positions (by index), and paste the last ones into their rows of `whole`."""
        plan = self._plan
        chosen = [positions[index] for index in group]
        group_squares = squares[group].contiguous(memory_format=torch.channels_last)
        patches: dict[Node, Patches] = {}
        for step, windowed in plan.windowed_steps.items():
            windows = windowed.windows(chosen)
            values = self._patches(step, patches, windows) if patches else group_squares
            patches[step] = Patches(values, windows)
            if step in whole:
                paste(patches[step], [whole[step][index] for index in group], [(0, 0)] * len(group))
            for node in plan.last_uses[step]:
                patches.pop(node, None)

    def groups(self, positions: Sequence[Position]) -> list[list[int]]:
        """The indices of the positions, in groups whose windows have similar sizes; of several at least two, for two threads."""
        least = max(1, min(GROUP_SIZE, -(-len(positions) // 2)))
        return group_by_size(positions, self._plan.heights, self._plan.widths, least)

    def _patches(self, step: Node, patches: dict[Node, Patches], windows: Windows) -> Tensor:
        """The output of the step in these windows, N x ... x height x width."""
        plan = self._plan
        sources = [node for node in step.all_input_nodes if node in patches]
        if kernel := plan.windowed_steps[step].kernel:
            (source,) = sources
            return kernel.run(
                read_windows(kernel.maps, patches[source], kernel.inputs_of(windows), kernel.padding)
            )
        pieces = {node: read_windows(plan.cached.get(node), patches[node], windows) for node in sources}
        return self._recording.run(step, lambda node: pieces[node] if node in pieces else plan.cached[node])

    @torch.inference_mode()
    def finish(self, results: dict[Node, Any], count: int) -> Tensor:
        """The logits computed from these maps of `count` images. Removes from `results` what is no longer needed."""
        cached = self._plan.cached

        def whole(node: Node) -> Any:
            return results[node] if node in results else cached[node]

        def shaped(node: Node) -> Any:
            return results[node] if node in results else cached[node].expand(count, *cached[node].shape[1:])

        for step in self._plan.full_steps:
            results[step] = self._recording.run(step, shaped if reads_shape(step) else whole)
            for node in self._plan.last_uses[step]:
                results.pop(node, None)
        logits = results[self._recording.output.args[0]]
        return logits if logits.dtype == torch.float64 else logits.float()


@contextmanager
def parallel_map(count: int) -> Iterator[Callable[..., Iterable]]:
    """A `map` for `count` items that runs its function in two threads, each with half of the cores.

    Windows are small: one layer on all cores takes longer than two layers in parallel.
    """
    threads = torch.get_num_threads()
    if min(count, threads) == 1:
        yield map
        return
    executor = ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(threads // 2,))
    with num_threads(threads), executor as pool:  # later threads inherit the number: it is restored
        yield pool.map


def _repeat(maps: Tensor, count: int) -> Tensor:
    """The maps, 1 x ... x H x W, repeated for each position."""
    layout = torch.channels_last if maps.dim() == 4 else torch.contiguous_format
    return maps.expand(count, *maps.shape[1:]).clone(memory_format=layout)


def build_engine(
    network: PreparedModel, image: Tensor, size: int, rows: Sequence[int], columns: Sequence[int]
) -> IncrementalEngine | None:
    """The network prepared for `image` with a square of `size` pixels replaced; None where this does not work.

    The image is 3 x H x W; the upper left corner of the square is in one of the `rows` and one of the `columns`. As a check, the
    central position, with inverted colours, is also computed in full, and both results must agree.
    """
    if image.device.type != "cpu" or len(rows) * len(columns) < MIN_POSITIONS:
        return None  # elsewhere, many small copies take longer than the whole computation
    position = top, left = rows[len(rows) // 2], columns[len(columns) // 2]
    squares = 1 - image[None, :, top : top + size, left : left + size]
    try:
        recording = record_steps(network.model, image, network.weights)
        plan = make_plan(recording, size, rows, columns)
        if not any(windowed.kernel for windowed in plan.windowed_steps.values()):
            return None
        engine = IncrementalEngine(recording, plan)
        maps = engine.window_maps([position], squares)
        with MemoryProbe() as footprint:
            logits = engine.finish(maps, 1)
    except Exception:  # a step that runs outside its network may raise anything
        return None
    expected = network.logits(patched_images(image, [position], squares, network.layout))
    tolerance = torch.finfo(image.dtype).eps ** 0.5 * float(expected.abs().max())
    if logits.shape != expected.shape or not torch.allclose(logits, expected, rtol=0, atol=tolerance):
        return None
    memory = footprint.bytes * 3 // 2  # plus the windows of two groups
    engine.batch_size = min(MAX_BATCH, batch_size_for(memory, image.device))
    return engine
