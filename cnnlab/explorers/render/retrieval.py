"""Features for the retrieval explorer: all layers in one forward pass, compressed and compared; without any widget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from cnnlab.explorers.activation_store import ImageSet, first_images
from cnnlab.explorers.choices import deepest, network_layers, rectified
from cnnlab.explorers.layer_features import collect_features
from cnnlab.features import PrincipalAxes, l2, mean_average_precision, pca

STEPS = (2, 4, 8, 16, 32, 64, 128)


def layers_to_search(model: nn.Module, side: int) -> tuple[list[str], str]:
    """The layers on offer, ReLUs and whole blocks, or all layers if there are neither; and the default layer."""
    layers = network_layers(model, side)
    names = rectified(layers) or [layer.name for layer in layers]
    return names, deepest(layers, names)


def fitting(pictures: Any, model: nn.Module, side: int) -> Any:
    """A set such as `cnnlab.world.instances` for a network.

    A large network gets the first pictures with all views of each of their objects; one with a small input gets reduced photographs.
    """
    whole = first_images(pictures, len(pictures))
    reduced = whole
    if whole.images.shape[-1] > side:
        reduced = replace(whole, images=whole.as_floats(side).mul(255).round().byte())
    some = reduced.fitting(model, side)
    if some is reduced:
        return pictures if reduced is whole else reduced
    count = len(some)
    if count < len(whole) and whole.labels[count] == whole.labels[count - 1]:
        count = int((some.labels != some.labels[-1]).sum())
    things = int(some.labels[:count].max()) + 1
    return ImageSet(some.images[:count], some.labels[:count], some.class_names[:things], pictures)


@dataclass(frozen=True, eq=False)
class SearchFeatures:
    """Features of one layer: those of the searched set, N x D, and the principal axes of another set."""

    database: Tensor
    axes: PrincipalAxes

    @property
    def max_dimensions(self) -> int:
        """The largest number of dimensions."""
        return len(self.axes.axes)

    def compressed(self, dimensions: int, whiten: bool = True) -> Tensor:
        """Features N x d of length 1 in this number of axes, whitened or not; with 0 the features without projection."""
        if not dimensions:
            return l2(self.database)
        n_kept = min(dimensions, self.max_dimensions)
        return l2(
            self.axes.whiten(self.database, n_kept) if whiten else self.axes.project(self.database, n_kept)
        )

    def map_by_dimensions(self, labels: Tensor, whiten: bool = True) -> dict[int, float]:
        """Mean average precision for some numbers of dimensions up to all."""
        steps = [*(step for step in STEPS if step < self.max_dimensions), self.max_dimensions]
        return {d: mean_average_precision(self.compressed(d, whiten), labels).mean for d in steps}


def collect_search_features(
    model: nn.Module, database: Tensor, training: Tensor, layers: Sequence[str]
) -> Iterator[dict[str, SearchFeatures]]:
    """The features of all layers in short steps, maps summed over positions: empty until the last step; the axes come from `training`."""
    features = collect_features(model, database, layers, "sum")
    for vectors in features:  # noqa: B007 - the last ones are needed
        yield {}
    for others in collect_features(model, training, layers, "sum"):
        yield {layer: SearchFeatures(vectors[layer], pca(others[layer])) for layer in others}


def rank_by_distance(codes: Tensor, query: int) -> tuple[Tensor, Tensor]:
    """All other rows, nearest first, and their distances."""
    distance = (codes - codes[query]).norm(dim=1)
    distance[query] = -1  # first, to be left out
    order = distance.argsort(stable=True)[1:]
    return order, distance[order]
