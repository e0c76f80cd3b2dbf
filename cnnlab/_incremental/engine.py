"""The logits of retouched pictures, without computing again what the replaced square does not touch.

A square of 32 pixels in a picture of 224 changes the first maps in a small window only. A 3 x 3 convolution sees the change
one position further in each direction, pooling halves it; everywhere else the maps are those of the picture as it is. So that
picture goes through the network once, and its maps are kept. Then, for each place of the square, a layer computes its window
alone: what its kernel sees there is cut out of the kept map, and the window of the layer before is laid over it. From layer to
layer the window grows and the map shrinks. Once the windows cover most of the map (`ENOUGH`), they are pasted into copies of the
kept map, and the network goes on in full. Either way, convolutions that allow it are computed with fewer multiplications
(`cnnlab.incremental.winograd`). Nothing is approximated: up to rounding, the logits are those of the whole computation.

Windows of one size can go through a layer together, as one tensor. Near the border they are smaller, for there is nothing beyond
it, so places with windows of similar size form a group.

Which window belongs to which layer is worked out in `cnnlab.incremental.reach`; how a network becomes a list of steps
with their results, in `cnnlab.incremental.tracing`. Whatever cannot be told so is left to the ordinary way of asking.

Nakandala, Kumar & Papakonstantinou, "Incremental and Approximate Inference for Faster Occlusion-based Deep CNN Explanations",
SIGMOD 2019, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.fx.node import Node

from cnnlab.incremental.batching import Asked, Footprint, batch_size_for
from cnnlab.incremental.plan import Plan, asks_for_shape, planned
from cnnlab.incremental.tracing import Recording, recorded
from cnnlab.incremental.windows import Patches, Place, Windows, cut, paste, retouched
from cnnlab.networks.chance import using_threads

GROUP = 16
"""Places whose windows go through a layer together. More of them differ more in size; fewer leave the processor idle."""

AT_ONCE = 128
"""The most places to ask about at once: enough for the large matrices of a classifier to be read few times."""

FEWEST = 8
"""With fewer places than this, getting ready takes longer than it saves."""


class Incremental:
    """A network that is asked about one picture with a square replaced here or there, in `batch_size` places at once."""

    def __init__(self, recording: Recording, plan: Plan):
        self.batch_size = AT_ONCE
        self._recording, self._plan = recording, plan

    def logits(self, places: Sequence[Place], squares: Tensor) -> Tensor:
        """N x C logits, at least in float32, one row for each place and the square (N x 3 x size x size) that is put there."""
        return self.in_full(self.in_windows(places, squares), len(places))

    @torch.inference_mode()
    def in_windows(self, places: Sequence[Place], squares: Tensor) -> dict[Node, Any]:
        """The maps, whole, of the steps from which the network goes on in full."""
        whole = {node: _copies(self._plan.kept[node], len(places)) for node in self._plan.pasted}
        groups = self._groups(places)
        with _side_by_side(len(groups)) as run:
            list(run(lambda group: self._paste_windows(whole, group, places, squares), groups))
        return whole

    @torch.inference_mode()
    def _paste_windows(
        self, whole: dict[Node, Tensor], group: list[int], places: Sequence[Place], squares: Tensor
    ) -> None:
        """Compute the windows of some of the places, by their numbers, and paste the last ones into their rows of `whole`."""
        plan = self._plan
        chosen = [places[index] for index in group]
        there = squares[group].contiguous(memory_format=torch.channels_last)
        patches: dict[Node, Patches] = {}
        for step, windowed in plan.windowed.items():
            windows = windowed.windows(chosen)
            values = self._patches(step, patches, windows) if patches else there
            patches[step] = Patches(values, windows)
            if step in whole:
                paste(patches[step], [whole[step][index] for index in group], [(0, 0)] * len(group))
            for node in plan.finished[step]:
                patches.pop(node, None)

    def _groups(self, places: Sequence[Place]) -> list[list[int]]:
        """The places, by their numbers, in groups whose windows have similar sizes."""
        *_, last = self._plan.windowed.values()
        order = sorted(range(len(places)), key=lambda index: last.area(places[index]))
        count = -(-len(order) // GROUP)
        bounds = [len(order) * number // count for number in range(count + 1)]
        return [order[start:stop] for start, stop in pairwise(bounds)]

    def _patches(self, step: Node, patches: dict[Node, Patches], windows: Windows) -> Tensor:
        """What the step gives in these windows, N x ... x height x width."""
        plan = self._plan
        sources = [node for node in step.all_input_nodes if node in patches]
        if kernel := plan.windowed[step].kernel:
            (source,) = sources
            return kernel.run(cut(kernel.maps, patches[source], kernel.seen(windows), kernel.padding))
        pieces = {node: cut(plan.kept.get(node), patches[node], windows) for node in sources}
        return self._recording.run(step, lambda node: pieces[node] if node in pieces else plan.kept[node])

    @torch.inference_mode()
    def in_full(self, results: dict[Node, Any], count: int) -> Tensor:
        """The logits to which these maps of `count` pictures lead. Takes what is done with out of `results`."""
        kept = self._plan.kept

        def whole(node: Node) -> Any:
            return results[node] if node in results else kept[node]

        def shaped(node: Node) -> Any:
            return results[node] if node in results else kept[node].expand(count, *kept[node].shape[1:])

        for step in self._plan.full:
            results[step] = self._recording.run(step, shaped if asks_for_shape(step) else whole)
            for node in self._plan.finished[step]:
                results.pop(node, None)
        logits = results[self._recording.output.args[0]]
        return logits if logits.dtype == torch.float64 else logits.float()


@contextmanager
def _side_by_side(count: int) -> Iterator[Callable[..., Iterable]]:
    """A `map` for `count` items that runs its function in two threads, each with half of the cores.

    Windows are small: a layer shared among all cores takes longer than two layers side by side.
    """
    threads = torch.get_num_threads()
    if min(count, threads) == 1:
        yield map
        return
    half = ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(threads // 2,))
    with using_threads(threads), half as pool:  # what a thread sets for itself, later threads begin with
        yield pool.map


def _copies(maps: Tensor, count: int) -> Tensor:
    """The maps, 1 x ... x H x W, as often as there are places."""
    layout = torch.channels_last if maps.dim() == 4 else torch.contiguous_format
    return maps.expand(count, *maps.shape[1:]).clone(memory_format=layout)


def incremental(
    network: Asked, image: Tensor, size: int, rows: Sequence[int], columns: Sequence[int]
) -> Incremental | None:
    """The network made ready to be asked about `image` with a square of `size` pixels replaced; None where this does not work.

    The image is 3 x H x W; the upper left corner of the square is in one of the `rows` and one of the `columns`. The place in the
    middle is asked about in the ordinary way as well, with its colours inverted, and both answers must agree.
    """
    if image.device.type != "cpu" or len(rows) * len(columns) < FEWEST:
        return None  # elsewhere, many small copies take longer than the whole computation
    place = top, left = rows[len(rows) // 2], columns[len(columns) // 2]
    squares = 1 - image[None, :, top : top + size, left : left + size]
    try:
        recording = recorded(network.model, image, network.weights)
        plan = planned(recording, size, rows, columns)
        if not any(windowed.kernel for windowed in plan.windowed.values()):
            return None
        answer = Incremental(recording, plan)
        maps = answer.in_windows([place], squares)
        with Footprint() as footprint:
            found = answer.in_full(maps, 1)
    except Exception:  # whatever a step may raise that is taken out of its network
        return None
    expected = network.logits(retouched(image, [place], squares, network.layout))
    tolerance = torch.finfo(image.dtype).eps ** 0.5 * float(expected.abs().max())
    if found.shape != expected.shape or not torch.allclose(found, expected, rtol=0, atol=tolerance):
        return None
    room = footprint.bytes * 3 // 2  # beside it stay the windows of two groups
    answer.batch_size = min(AT_ONCE, batch_size_for(room, image.device))
    return answer
