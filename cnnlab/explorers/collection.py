"""The pictures that an explorer searches, and what one layer answers to all of them.

A layer's maps are collected in short steps and kept, so that the strongest patches of any unit, or along any mixture of units, are
found without another forward pass. The same in one line, without an explorer: `cnnlab.units.top_patches` and `top_along`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.explorers.growth import Growth
from cnnlab.explorers.parts import names_for
from cnnlab.inputs import positive_int
from cnnlab.networks import ReceptiveField, activations, receptive_field
from cnnlab.units import TopPatches
from cnnlab.units.patches import placed
from cnnlab.world import dataset

PICTURES = 240
"""How many pictures an explorer searches, unless it is given others."""
MOST_BYTES = 160_000_000
"""Of maps that are kept for one layer; where maps are large, fewer pictures are searched."""
_STEP = 8
_KEPT = 3


@dataclass(frozen=True, eq=False)
class Collection:
    """N pictures of a data set.

    Attributes
    ----------
    images
        N x 3 x H x W bytes.
    labels, class_names
        N class indices, and what they mean.
    source
        The data set that the pictures are the beginning of.
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    source: Any

    def __len__(self) -> int:
        return len(self.images)

    def floats(self, side: int | None = None, index: Tensor | None = None) -> Tensor:
        """The pictures (of these row numbers) x 3 x side x side in [0, 1]; resized where a network looks at another size."""
        images = (self.images if index is None else self.images[index]).float() / 255
        if side in (None, images.shape[-1]):
            return images
        return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)

    def words(self, index: int) -> str:
        """What a picture shows, as far as it is known."""
        name = self.class_names[int(self.labels[index])]
        recipes = getattr(self.source, "recipes", None)
        return f"{recipes[index].shape}, {recipes[index].scene}" if recipes is not None else name


def first_pictures(source: Any = None, n: int = PICTURES) -> Collection:
    """The first `n` pictures of a data set with `images` in bytes, `labels` and `class_names`; None takes the validation split."""
    if isinstance(source, Collection):
        return source
    source = dataset("validation", progress=False) if source is None else source
    if not hasattr(source, "class_names") or not isinstance(getattr(source, "images", None), Tensor):
        raise TypeError(
            "pictures must be a data set with images, labels and class_names, such as cnnlab.world.dataset(...),"
            f" but got {type(source).__name__}."
        )
    n = min(positive_int(n, "n (pictures to search)"), len(source))
    return Collection(source.images[:n], source.labels[:n], tuple(source.class_names), source)


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """What a layer answers to the first n of `wanted` pictures: maps n x U x h x w (h = w = 1 for vectors)."""

    layer: str
    maps: Tensor
    field: ReceptiveField
    wanted: int

    def strongest(self, direction: int | Tensor, k: int) -> TopPatches:
        """The k strongest patches of a unit, or along a direction (U numbers), among the pictures that were looked at.

        The same as `cnnlab.units.top_patches` and `cnnlab.units.top_along` find in these pictures.
        """
        if isinstance(direction, Tensor):
            answered = torch.einsum("u,nuhw->nhw", direction.to(self.maps), self.maps)
        else:
            answered = self.maps[:, direction]
        value, place = answered.flatten(1).max(1)
        order = value.argsort(descending=True, stable=True)[:k]
        best = (value[order, None], order[:, None], place[order, None])
        return placed(self.layer, best, self.maps.shape[3], self.field)


def collect(model: nn.Module, pictures: Tensor, layer: str) -> Iterator[LayerMaps]:
    """The maps of `layer` for the pictures N x 3 x H x W, a few more with each step."""
    field = receptive_field(model, layer, tuple(pictures.shape[1:]))
    kept, wanted, start = None, len(pictures), 0
    while start < wanted:
        images = pictures[start : min(start + _STEP, wanted)]
        maps = activations(model, images, layer, batch_size=len(images))[layer].cpu()
        if maps.dim() not in (2, 4):
            raise ValueError(f'layer "{layer}" gives neither maps nor vectors, so it has no units to follow.')
        maps = maps if maps.dim() == 4 else maps[:, :, None, None]
        if kept is None:
            wanted = max(min(wanted, MOST_BYTES // (4 * maps[0].numel())), len(images))
            kept = torch.empty(wanted, *maps.shape[1:])
        kept[start : start + len(maps)] = maps
        start += len(maps)
        yield LayerMaps(layer, kept[:start], field, wanted)


class Search:
    """Collects the maps of one layer after another, on the kernel's own loop; those asked for last are kept.

    `show(found, last)` hears each step, `last` the one after which nothing more comes: the whole collection was looked at, or
    `stop_button` was pressed. `found` is what there is, or None.
    """

    def __init__(
        self,
        pictures: Collection,
        show: Callable[[LayerMaps, bool], None],
        fail: Callable[[Exception], None],
    ):
        self.pictures, self._show, self._fail = pictures, show, fail
        self._growth: Growth[LayerMaps] = Growth()
        self._kept: dict[tuple, LayerMaps] = {}
        self.found: LayerMaps | None = None
        self.stop_button = widgets.Button(description="Stop searching", disabled=True)
        self.stop_button.on_click(lambda _button: self.stop())

    @property
    def names(self) -> list:
        """The accessible name of the button."""
        return names_for(self.stop_button, "stop", "Stop searching the data set")

    @property
    def running(self) -> bool:
        return self._growth.running

    def look(self, model: nn.Module, layer: str, side: int, at_once: bool = False) -> None:
        """Look for what `layer` answers: at once, or step by step beside the controls."""
        self._growth.stop()
        self.stop_button.disabled = True
        key = (model, layer)
        self.found = self._kept.pop(key, None)
        if self.found is not None:
            self._keep(key, self.found)
            self._show(self.found, True)
            return
        steps = collect(model, self.pictures.floats(side), layer)
        if at_once:
            for found in steps:
                self.found = found
            self._keep(key, self.found)
            self._show(self.found, True)
        else:
            self.stop_button.disabled = False
            self._growth.start(steps, lambda found: self._step(key, found), self._finish)

    def stop(self) -> None:
        """Take no further step; what was found stays and is shown."""
        if self.running:
            self._growth.stop()
            self.stop_button.disabled = True
            if self.found is not None:
                self._show(self.found, True)

    def _keep(self, key: tuple, found: LayerMaps) -> None:
        self._kept[key] = found
        while len(self._kept) > _KEPT:
            self._kept.pop(next(iter(self._kept)))

    def _step(self, key: tuple, found: LayerMaps) -> None:
        self.found = found
        whole = len(found.maps) == found.wanted
        if whole:
            self._keep(key, found)
            self.stop_button.disabled = True
        self._show(found, whole)

    def _finish(self, error: Exception | None) -> None:
        self.stop_button.disabled = True
        if error is not None:
            self._fail(error)
