"""Codes of a collection for searching in it: all layers in one pass, compressed and compared; without any widget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.codes import PrincipalAxes, l2, mean_average_precision, pca, pool_maps
from cnnlab.networks import activations, summary

_STEP = 10
STEPS = (2, 4, 8, 16, 32, 64, 128)


def layers_to_search(model: nn.Module, side: int) -> list[str]:
    """The layers whose codes are offered: behind a ReLU, maps or vectors; where there is none, all that give either."""
    rows = [row for row in summary(model, side).rows if len(row.output_shape) in (1, 3)]
    return [row.name for row in rows if row.type == "ReLU"] or [row.name for row in rows]


@dataclass(frozen=True, eq=False)
class Codes:
    """What one layer gives: the searched codes, N x D, and the axes found on another split."""

    searched: Tensor
    axes: PrincipalAxes

    @property
    def most(self) -> int:
        """How many dimensions can be kept."""
        return len(self.axes.axes)

    def prepared(self, dimensions: int, whiten: bool = True) -> Tensor:
        """N x d, each of length 1: in so many axes, whitened or not; 0 keeps the code as it is."""
        if not dimensions:
            return l2(self.searched)
        kept = min(dimensions, self.most)
        return l2(self.axes.whiten(self.searched, kept) if whiten else self.axes.project(self.searched, kept))

    def curve(self, labels: Tensor, whiten: bool = True) -> dict[int, float]:
        """Mean average precision for some numbers of dimensions up to all."""
        steps = [*(step for step in STEPS if step < self.most), self.most]
        return {d: mean_average_precision(self.prepared(d, whiten), labels).mean for d in steps}


def collect_codes(
    model: nn.Module, searched: Tensor, others: Tensor, layers: Sequence[str]
) -> Iterator[dict[str, Codes]]:
    """The codes of all layers in short steps, maps summed over their places: nothing until the last step; axes come from `others`."""
    parts: dict[str, list[list[Tensor]]] = {layer: [[], []] for layer in layers}
    for which, pictures in enumerate((searched, others)):
        for start in range(0, len(pictures), _STEP):
            some = pictures[start : start + _STEP].float() / 255
            found = activations(model, some, list(layers), batch_size=len(some))
            for layer in layers:
                parts[layer][which].append(pool_maps(found[layer], "sum").cpu().clone())
            yield {}
    yield {layer: Codes(torch.cat(codes), pca(torch.cat(other))) for layer, (codes, other) in parts.items()}


def ranking(codes: Tensor, query: int) -> tuple[Tensor, Tensor]:
    """All other rows, nearest first, and their distances."""
    distance = (codes - codes[query]).norm(dim=1)
    distance[query] = -1  # in front, to be left out
    order = distance.argsort(stable=True)[1:]
    return order, distance[order]
