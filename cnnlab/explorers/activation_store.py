"""The pictures that an explorer searches, and the activations of one layer for all of them.

A layer's maps are collected in short steps and kept, so that the strongest patches of any unit, or any mixture of units, are
found without another forward pass. Without an explorer: `cnnlab.units.top_patches` and `top_along_direction`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab._validation import positive_int
from cnnlab.explorers import effort
from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.controls import stop_button
from cnnlab.explorers.picture_sets import as_dataset
from cnnlab.networks import ReceptiveField, activations, receptive_field, resolve_layer
from cnnlab.units import TopPatches
from cnnlab.units.patches import as_patches
from cnnlab.world import dataset
from cnnlab.world.photo_set import PatchDataset, PhotographDataset

N_IMAGES = 240
"""Default number of pictures that an explorer searches."""
MAX_BYTES = 160_000_000
"""Largest memory of the maps kept for one layer; where maps are large, fewer pictures are searched."""
_STEP = 8
"""Pictures of 96 x 96 in one step; for larger ones the same number of pixels."""
_CACHED_LAYERS = 3


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A set of N pictures that an explorer can search.

    Attributes
    ----------
    images
        N x 3 x H x W, uint8.
    labels, class_names
        N class indices, and the names of the classes.
    source
        The data set whose first pictures these are.
    expression
        The code for `images`.
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    source: Any
    expression: str = ""

    def __len__(self) -> int:
        return len(self.images)

    def as_floats(self, side: int | None = None, index: Tensor | None = None) -> Tensor:
        """The pictures (of these indices) x 3 x side x side in [0, 1]; resized where the network has another input size."""
        images = (self.images if index is None else self.images[index]).float() / 255
        if side in (None, images.shape[-1]):
            return images
        return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)

    def within_reach(self, model: nn.Module, side: int) -> int:
        """How many of the pictures a network looks at: all, or of a large network as many as its work allows."""
        if not effort.is_large(model, side):
            return len(self)
        have_its_size = effort.LARGE_SIDE <= side <= self.images.shape[-1]
        usual = len(self) if have_its_size else min(effort.LARGE_PICTURES, len(self))
        return effort.within_reach(model, side, usual)

    def fitting(self, model: nn.Module, side: int) -> ImageSet:
        """The set for a network: for a large one the first pictures, and enlarged where its input is."""
        count = self.within_reach(model, side)
        enlarges = effort.is_large(model, side) and self.images.shape[-1] < side
        return self.first(count, side if enlarges else None)

    def first(self, count: int, side: int | None = None) -> ImageSet:
        """The first pictures as a set of their own, of side x side, or as large as they are; the set itself if that changes nothing."""
        side = side or self.images.shape[-1]
        if count >= len(self) and side == self.images.shape[-1]:
            return self
        source = First(self, count, side)
        return ImageSet(source.images, source.labels, self.class_names, source)

    def describe(self, index: int) -> str:
        """A sentence on what a picture shows, as far as it is known."""
        source = self.source
        if hasattr(source, "recipes"):
            return f"{source.recipes[index].shape}, {source.recipes[index].scene}"
        if isinstance(source, PatchDataset):
            photograph, _left, _top, side = source.boxes[index].tolist()
            return f"{source.photographs[photograph].name}, {side} pixels wide"
        if isinstance(source, PhotographDataset):
            return source.photographs[index].name
        return self.class_names[int(self.labels[index])]

    def code(self, side: int, count: int | None = None) -> list[str]:
        """The lines of code for the first `count` pictures, side x side in [0, 1]; they need `cnnlab`, `world` and `torch`."""
        some = "" if self.expression and count in (None, len(self)) else f"[:{count or len(self)}]"
        lines = [f"pictures = {self.expression or self._unnamed}{some} / 255"]
        if lines[0].startswith("pictures = data."):
            lines = [f"{lines[0]}  # your own data set"]
        if side != getattr(self.source, "side_before", self.images.shape[-1]):
            size = f'size=({side}, {side}), mode="bilinear", antialias=True'
            lines += [f"pictures = torch.nn.functional.interpolate(pictures, {size}).clamp(0, 1)"]
        return lines

    @property
    def _unnamed(self) -> str:
        """The expression for the images of a set that came as a data set."""
        return 'world.dataset("validation").images' if hasattr(self.source, "recipes") else "data.images"


class First:
    """The first pictures of a set as a data set of their own, with pictures and maps resized to side x side."""

    def __init__(self, pictures: ImageSet, count: int, side: int):
        source = pictures.source
        self.images = pictures.as_floats(side, torch.arange(count)).mul(255).round().byte()
        self.labels, self.class_names = pictures.labels[:count], pictures.class_names
        self.side_before = pictures.images.shape[-1]

        def resized(maps: Tensor) -> Tensor:  # N x H x W: nearest-neighbour interpolation
            return F.interpolate(maps[:count, None].float(), size=(side, side))[:, 0].to(maps.dtype)

        # Facts that are unknown for a photograph are unknown for its resized copy.
        if hasattr(source, "recipes"):
            self.recipes = source.recipes
        if hasattr(source, "maps"):
            self.maps = lambda category: resized(source.maps(category))
        if hasattr(source, "masks"):
            self.masks = lambda: resized(source.masks())

    def __len__(self) -> int:
        return len(self.images)


def first_images(source: Any = None, n: int = N_IMAGES) -> ImageSet:
    """A set of the first n pictures of a data set.

    Parameters
    ----------
    source
        A data set with `images` in bytes, `labels` and `class_names`, of which the first `n` are taken; `Photographs`, the path of a
        folder of them or the name of a data set of `cnnlab.photographs`, of which evenly spaced ones are read; None for the
        validation split of the rendered world.
    """
    if isinstance(source, ImageSet):
        return source
    source, expression = as_dataset(source, n)
    source = dataset("validation", progress=False) if source is None else source
    if not hasattr(source, "class_names") or not isinstance(getattr(source, "images", None), Tensor):
        raise TypeError(
            "pictures must be a data set with images, labels and class_names, such as cnnlab.world.dataset(...),"
            f" or photographs or their folder, but got {type(source).__name__}."
        )
    n = min(positive_int(n, "n (pictures to search)"), len(source))
    return ImageSet(source.images[:n], source.labels[:n], tuple(source.class_names), source, expression)


@dataclass(frozen=True, eq=False)
class LayerActivations:
    """The maps of a layer for the first n of `total` pictures: n x U x h x w (h = w = 1 for vectors).

    `field` is None where the receptive field is not known; `picture` is the height and width of the pictures.
    """

    layer: str
    maps: Tensor
    field: ReceptiveField | None
    total: int
    picture: tuple[int, int]

    def strongest(self, direction: int | Tensor, k: int) -> TopPatches:
        """The k strongest patches of a unit, or along a direction (U numbers), among the pictures searched so far.

        Equal to `cnnlab.units.top_patches` and `cnnlab.units.top_along_direction` on these pictures; where the receptive field
        is not known, each patch is the whole picture.
        """
        if isinstance(direction, Tensor):
            responses = torch.einsum("u,nuhw->nhw", direction.to(self.maps), self.maps)
        else:
            responses = self.maps[:, direction]
        value, position = responses.flatten(1).max(1)
        order = value.argsort(descending=True, stable=True)[:k]
        best = (value[order, None], order[:, None], position[order, None])
        width = self.maps.shape[3]
        return (
            whole_pictures(self, best)
            if self.field is None
            else as_patches(self.layer, best, width, self.field)
        )


def whole_pictures(found: LayerActivations, best: Sequence[Tensor]) -> TopPatches:
    """The patches of the strongest positions `best` (value, picture, position; each k x 1) as whole pictures, for an unknown field."""
    value, picture, place = (part.T.contiguous() for part in best)  # 1 x k
    width, (high, wide) = found.maps.shape[3], found.picture
    return TopPatches(
        layer=found.layer,
        units=torch.arange(1),
        value=value,
        picture=picture,
        position=torch.stack([place // width, place % width], 2),
        box=torch.tensor([0, 0, high, wide]).expand(1, place.shape[1], 4),
        centre=torch.tensor([high // 2, wide // 2]).expand(1, place.shape[1], 2),
    )


def known_field(model: nn.Module, layer: str, picture: tuple[int, ...]) -> ReceptiveField | None:
    """The receptive field of a layer for pictures of a shape (C, H, W); None where it is not known."""
    resolve_layer(model, layer)
    try:
        return receptive_field(model, layer, picture)
    except ValueError:
        return None


class Floats:
    """Lazy float view N x 3 x side x side of the pictures of a set; a slice such as `as_floats[3:5]` is converted when it is read."""

    def __init__(self, pictures: ImageSet, side: int):
        self._pictures, self._side = pictures, side
        self.shape = (len(pictures), 3, side, side)

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, rows: slice) -> Tensor:
        return self._pictures.as_floats(self._side, torch.arange(len(self))[rows])


def pictures_in_a_step(side: int, most: int = _STEP) -> int:
    """How many pictures of this side fit in a step short enough to keep the controls responsive; `most` for 96 x 96."""
    return max(1, min(most, round(most * (96 / side) ** 2)))


def collect_activations(
    model: nn.Module, pictures: Tensor | Floats, layer: str
) -> Iterator[LayerActivations]:
    """The maps of `layer` for the pictures N x 3 x H x W, a few more with each step."""
    shape = tuple(pictures.shape[1:])
    field, step = known_field(model, layer, shape), pictures_in_a_step(max(shape[1:]))
    stored, total, start = None, len(pictures), 0
    while start < total:
        images = pictures[start : min(start + step, total)]
        maps = activations(model, images, layer, batch_size=len(images))[layer].cpu()
        if maps.dim() not in (2, 4):
            raise ValueError(f'layer "{layer}" gives neither maps nor vectors, so it has no units to follow.')
        maps = maps if maps.dim() == 4 else maps[:, :, None, None]
        if stored is None:
            total = max(min(total, MAX_BYTES // (4 * maps[0].numel())), len(images))
            stored = torch.empty(total, *maps.shape[1:])
        stored[start : start + len(maps)] = maps
        start += len(maps)
        yield LayerActivations(layer, stored[:start], field, total, shape[1:])


class ActivationSearch:
    """Search of a layer's activations in the background, on the kernel's event loop; the most recent layers are kept.

    `show(activations, last)` is called after each step; `last` is true when no more steps follow: all pictures were searched, or
    `stop_button` was pressed. `activations` holds the result so far, or None.
    """

    def __init__(
        self,
        pictures: ImageSet,
        show: Callable[[LayerActivations, bool], None],
        fail: Callable[[Exception], None],
    ):
        self.pictures, self._show = pictures, show
        self._cached: dict[tuple, LayerActivations] = {}
        self.activations: LayerActivations | None = None
        self.stop_button = stop_button("Stop searching", name="Stop searching the data set")
        self.stop_button.on_click(lambda _button: self.stop())
        self._background: BackgroundSteps[LayerActivations] = BackgroundSteps(fail)
        self._background.link(None, self.stop_button)

    @property
    def running(self) -> bool:
        return self._background.running

    def search(
        self, model: nn.Module, layer: str, side: int, blocking: bool = False, begin_with: int = 0
    ) -> None:
        """Collect the activations of `layer`: all at once, or the first `begin_with` pictures at once and the others in the background."""
        self._background.stop()
        key = (model, layer, self.pictures)
        self.activations = self._cached.pop(key, None)
        if self.activations is not None:
            self._cache(key, self.activations)
            self._show(self.activations, True)
            return
        steps = collect_activations(model, Floats(self.pictures, side), layer)
        begin_with = len(self.pictures) if blocking else begin_with
        until = time.monotonic() + effort.PATIENCE
        for gathered in steps if begin_with else ():
            self.activations = gathered
            if len(gathered.maps) >= begin_with or time.monotonic() > until:
                break
        if self.activations is not None and len(self.activations.maps) == self.activations.total:
            self._cache(key, self.activations)
            self._show(self.activations, True)
        else:
            if self.activations is not None:
                self._show(self.activations, False)
            self._background.start(steps, lambda activations: self._step(key, activations))

    def stop(self) -> None:
        """Stop the search; the result so far stays and is shown."""
        if self.running:
            self._background.stop()
            if self.activations is not None:
                self._show(self.activations, True)

    def _cache(self, key: tuple, activations: LayerActivations) -> None:
        self._cached[key] = activations
        while len(self._cached) > _CACHED_LAYERS:
            self._cached.pop(next(iter(self._cached)))

    def _step(self, key: tuple, activations: LayerActivations) -> None:
        self.activations = activations
        finished = len(activations.maps) == activations.total
        if finished:
            self._cache(key, activations)
        self._show(activations, finished)
