"""Sets of photographs: one photograph with its maker and licence, many of them as a sequence, and both as data sets.

    Photograph         a file, what it shows, its ImageNet class, who made it and on which terms
    Photographs        many of them, by number, name or slice; as images with labels, or as patches cut from them
    PhotographDataset  their middle squares with labels
    PatchDataset       square patches of them with labels and places

Where photographs come from stands in `cnnlab.world.photographs` and `cnnlab.world.photo_datasets`; how a file becomes pixels, in
`cnnlab.world.photo`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from PIL import Image

from cnnlab.inputs import one_of, positive_int
from cnnlab.world.datasets import Labelled
from cnnlab.world.photo import middle_square, photo, square, whole_photo

if TYPE_CHECKING:
    from torch import Tensor

Thing = TypeVar("Thing")

NOT_STATED = "not stated"
"""Maker or licence of a photograph whose source does not name them."""
FREE_LICENCES = ("CC0", "public domain", "CC BY 2.0")
"""Terms under which a photograph may be shown to others, with its credit."""
MOST_PATCHES = 100
"""Patches cut from one photograph unless `per_photo` says otherwise; fewer where there are many photographs."""
TOTAL_PATCHES = 4_000
"""Patches cut from a whole set unless `per_photo` says otherwise, about."""


@dataclass(frozen=True)
class Photograph:
    """A photograph and what is known of it; its pixels are read when they are asked for.

    Fields
    ------
    name
        Its name in the set that it belongs to.
    path
        The file.
    shows
        What is to be seen, in a few words.
    imagenet_class
        The ImageNet class of its object, spelled as torchvision's `weights.meta["categories"]` spell it; None if it has none.
    class_name
        Its class in the set that it belongs to.
    maker, licence
        Who made it, and on which terms it may be used, as its source says; "not stated" if it does not.
    note
        What else its source says, quoted.
    pixels
        H x W x 3 bytes if the photograph is part of a larger file, else None.
    """

    name: str
    path: Path
    shows: str
    imagenet_class: str | None = None
    class_name: str = "photograph"
    maker: str = NOT_STATED
    licence: str = NOT_STATED
    note: str = ""
    pixels: np.ndarray | None = field(default=None, repr=False, compare=False)

    def image(self, size: int = 224) -> Tensor:
        """The middle square as 3 x size x size floats in [0, 1], read as `cnnlab.photo` reads it.

        Raises
        ------
        FileNotFoundError, ValueError
            If the file is gone, damaged or cut short; the message names it.
        """
        if self.pixels is None:
            return photo(self.path, size)
        import torch

        return torch.from_numpy(self._square(positive_int(size, "size"))).permute(2, 0, 1).float().div_(255)

    def whole(self) -> Image.Image:
        """The whole photograph in its own size, upright, as an RGB image of Pillow."""
        return whole_photo(self.path) if self.pixels is None else Image.fromarray(self.pixels)

    @property
    def credit(self) -> str:
        """One line for a caption: name, maker, licence, as in "Chelsea, Stefan van der Walt, CC0"."""
        if self.maker == self.licence == NOT_STATED:
            return f"{self.name}, maker and licence {NOT_STATED}"
        maker = f"maker {NOT_STATED}" if self.maker == NOT_STATED else self.maker
        licence = f"licence {NOT_STATED}" if self.licence == NOT_STATED else self.licence
        return f"{self.name.replace('_', ' ').title()}, {maker}, {licence}"

    @property
    def redistributable(self) -> bool:
        """Whether its licence (CC0, public domain, CC BY with the credit) lets it be shown in what is published."""
        return self.licence in FREE_LICENCES

    def _square(self, size: int) -> np.ndarray:
        """The middle square, size x size x 3 bytes."""
        if self.pixels is None:
            return np.array(middle_square(self.path, size))
        return np.array(square(Image.fromarray(self.pixels), size))


@dataclass(frozen=True, eq=False)
class PhotographDataset(Labelled):
    """Middle squares of photographs with their labels, as techniques and explorers take a data set.

    Fields
    ------
    images
        N x 3 x size x size bytes.
    labels
        N class indices (int64) into `class_names`.
    photographs
        The photograph of each row.
    """

    photographs: Photographs


@dataclass(frozen=True, eq=False)
class PatchDataset(Labelled):
    """Square patches of photographs; a patch has the label of the photograph that it is cut from.

    Fields
    ------
    images
        N x 3 x size x size bytes.
    labels
        N class indices (int64) into `class_names`.
    photographs
        The photographs that the patches are cut from.
    boxes
        N x 4 whole numbers: the index into `photographs`; left, top and side in pixels of the photograph as it stands upright.
    """

    photographs: Photographs
    boxes: Tensor


class Photographs(Sequence[Photograph]):
    """Photographs in a fixed order: `[3]` and `["chelsea"]` are one of them, slices and lists of names are smaller sets.

    Fields
    ------
    class_names
        The classes that the photographs of the set, or of the larger set that it was taken from, belong to.
    skipped
        (path or name, reason) of what could not be read when the set was listed.
    """

    def __init__(
        self,
        photographs: Iterable[Photograph],
        class_names: Sequence[str] | None = None,
        skipped: Iterable[tuple[str, str]] = (),
    ):
        self._all = tuple(photographs)
        self._index = {one.name: number for number, one in enumerate(self._all)}
        if len(self._index) < len(self._all):
            raise ValueError("two photographs have the same name; in a set, names must differ.")
        found = dict.fromkeys(one.class_name for one in self._all)
        self.class_names: tuple[str, ...] = tuple(found if class_names is None else class_names)
        self.skipped: tuple[tuple[str, str], ...] = tuple(skipped)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self._index)

    @property
    def labels(self) -> Tensor:
        """N class indices (int64) into `class_names`."""
        import torch

        index = {name: number for number, name in enumerate(self.class_names)}
        return torch.tensor([index[one.class_name] for one in self._all], dtype=torch.int64)

    def images(self, size: int = 224, progress: bool | None = None) -> Tensor:
        """All middle squares as N x 3 x size x size bytes (150 kB each at 224).

        Parameters
        ----------
        size
            Side in pixels.
        progress
            Show a progress bar: True, False, or None for work of more than a second.

        Raises
        ------
        ValueError
            If some cannot be read; the message names them. `dataset` leaves them out.
        """
        arrays, broken = self._squares(size, progress)
        if broken:
            raise ValueError(
                f"{len(broken)} of {len(self)} photographs cannot be read: {listed(broken)}"
                " Take them out of the set; `dataset` leaves them out."
            )
        return _as_images(arrays, size)

    def dataset(self, size: int = 224, progress: bool | None = None) -> PhotographDataset:
        """The middle squares with their labels; photographs that turn out to be damaged are named in a warning and left out.

        Raises
        ------
        ValueError
            If not one can be read.
        """
        arrays, broken = self._squares(size, progress)
        readable = self._without(broken)
        return PhotographDataset(_as_images(arrays, size), readable.labels, self.class_names, readable)

    def _squares(self, size: int, progress: bool | None) -> tuple[list[np.ndarray], list[tuple[str, str]]]:
        """The squares of those that can be read, and (name, reason) of the others."""
        positive_int(size, "size")
        arrays, broken = [], []
        for one in watched(self, "reading photographs", progress):
            try:
                arrays.append(one._square(size))
            except (OSError, ValueError) as problem:
                broken.append((one.name, str(problem)))
        return arrays, broken

    def _without(self, broken: list[tuple[str, str]]) -> Photographs:
        """Those that could be read; a warning names the others."""
        if not broken:
            return self
        if len(broken) == len(self):
            raise ValueError(f"not one of {len(self)} photographs can be read: {listed(broken)}")
        warnings.warn(
            f"{len(broken)} of {len(self)} photographs are left out: {listed(broken)}", stacklevel=3
        )
        names = {name for name, _ in broken}
        kept = (one for one in self if one.name not in names)
        return Photographs(kept, self.class_names, [*self.skipped, *broken])

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, which: int | str) -> Photograph: ...

    @overload
    def __getitem__(self, which: slice | Sequence[int | str]) -> Photographs: ...

    def __getitem__(self, which: Any) -> Photograph | Photographs:
        if isinstance(which, slice):
            return Photographs(self._all[which], self.class_names, self.skipped)
        if isinstance(which, list | tuple):
            return Photographs([self[one] for one in which], self.class_names, self.skipped)
        if isinstance(which, str):
            return self._all[self._index[one_of(which, self._index, "photograph")]]
        if not hasattr(which, "__index__"):
            raise TypeError(
                "photographs are taken by number, name, slice or list of names, but got"
                f" {which!r} ({type(which).__name__})."
            )
        number = which.__index__()
        if not -len(self) <= number < len(self):
            raise IndexError(f"photograph {number} of a set of {len(self)}")
        return self._all[number]

    def __iter__(self) -> Iterator[Photograph]:
        return iter(self._all)

    def __repr__(self) -> str:
        named = ", ".join(self.names[:6]) + (", ..." if len(self) > 6 else "")
        return f"Photographs({len(self)} of {len(self.class_names)} classes: {named})"


def watched(work: Iterable[Thing], what: str, progress: bool | None) -> Iterable[Thing]:
    """The pieces of some work, with a bar: always, never, or (None) if they take more than a second."""
    from tqdm.auto import tqdm

    return tqdm(
        work,
        desc=what,
        unit="photo",
        disable=progress is False,
        delay=1 if progress is None else 0,
        leave=bool(progress),
    )


def _as_images(arrays: list[np.ndarray], size: int) -> Tensor:
    import torch

    if not arrays:
        return torch.empty(0, 3, size, size, dtype=torch.uint8)
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def listed(broken: Sequence[tuple[str, str]], most: int = 5) -> str:
    """What could not be read and why, the first few of it."""
    told = " ".join(reason if name in reason else f"{name}: {reason}" for name, reason in broken[:most])
    return told + (f" And {len(broken) - most} more." if len(broken) > most else "")
