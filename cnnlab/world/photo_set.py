"""Sets of photographs: a sequence of them, and the data sets made of it.

    Photographs        photographs, by number, name or slice; as images with labels, or as patches cut from them
    PhotographDataset  their central squares with labels
    PatchDataset       square patches of them with labels and positions

For the sources of photographs see `cnnlab.world.photographs` and `cnnlab.world.photo_datasets`; for a single one and its
conversion to pixels `cnnlab.world.photo`.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload
from zlib import crc32

import numpy as np

from cnnlab._validation import one_of, positive_int, whole_number
from cnnlab.world.crops import crop_boxes, crop_square, validate_scales
from cnnlab.world.datasets import Labelled
from cnnlab.world.photo import Photograph

if TYPE_CHECKING:
    from torch import Tensor

Thing = TypeVar("Thing")

MAX_PATCHES = 100
"""Default number of patches from one photograph; fewer where there are many photographs."""
TOTAL_PATCHES = 4_000
"""Approximate default number of patches from a whole set."""


@dataclass(frozen=True, eq=False)
class PhotographDataset(Labelled):
    """Central squares of photographs with their labels, a data set for techniques and explorers.

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
    """Square patches of photographs; each has the label of its photograph.

    Fields
    ------
    images
        N x 3 x size x size bytes.
    labels
        N class indices (int64) into `class_names`.
    photographs
        The photographs from which the patches are cut.
    boxes
        N x 4 whole numbers: the index into `photographs`; left, top and side in pixels of the upright photograph.
    """

    photographs: Photographs
    boxes: Tensor


class Photographs(Sequence[Photograph]):
    """Photographs in a fixed order: `[3]` and `["chelsea"]` are single ones, slices and lists of names are smaller sets.

    Fields
    ------
    class_names
        The classes of the photographs of the set, or of the larger set from which it was taken.
    skipped
        (path or name, reason) of the files that could not be read when the set was listed.
    """

    def __init__(
        self,
        photographs: Iterable[Photograph],
        class_names: Sequence[str] | None = None,
        skipped: Iterable[tuple[str, str]] = (),
    ):
        self._all = tuple(photographs)
        self._index = {photograph.name: number for number, photograph in enumerate(self._all)}
        if len(self._index) < len(self._all):
            raise ValueError("two photographs have the same name; in a set, names must differ.")
        class_set = dict.fromkeys(photograph.class_name for photograph in self._all)
        self.class_names: tuple[str, ...] = tuple(class_set if class_names is None else class_names)
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
        return torch.tensor([index[photograph.class_name] for photograph in self._all], dtype=torch.int64)

    def images(self, size: int = 224, progress: bool | None = None) -> Tensor:
        """All central squares as N x 3 x size x size bytes (150 kB each at 224; a photo of 12 million pixels takes some 0.1 s).

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
        arrays, errors = self._squares(size, progress)
        if errors:
            raise ValueError(
                f"{len(errors)} of {len(self)} photographs cannot be read: {describe_errors(errors)}"
                " Take them out of the set; `dataset` leaves them out."
            )
        return _as_images(arrays, size)

    def dataset(self, size: int = 224, progress: bool | None = None) -> PhotographDataset:
        """The central squares with their labels; damaged photographs are named in a warning and left out.

        Raises
        ------
        ValueError
            If none can be read.
        """
        arrays, errors = self._squares(size, progress)
        readable = self._without(errors)
        return PhotographDataset(_as_images(arrays, size), readable.labels, self.class_names, readable)

    def crops(
        self,
        size: int = 64,
        scales: Sequence[float] = (1.0, 0.5, 0.25),
        per_photo: int | None = None,
        seed: int = 0,
        progress: bool | None = None,
    ) -> PatchDataset:
        """Square patches at several scales and random positions; damaged photographs are named in a warning and left out.

        A small set of photographs becomes some thousand pictures. Smaller patches are more numerous, in proportion to how many of them
        fit side by side, so that all scales overlap alike. No patch is cut twice; a small photograph may have fewer than `per_photo`.

        Parameters
        ----------
        size
            Side in pixels to which all patches are scaled (with Lanczos filtering).
        scales
            Sides of the patches as fractions of the shorter side of the photograph, above 0 and at most 1.
        per_photo
            Patches from each photograph; None for 100, or fewer (at least one) so that the whole set gives about 4 000.
        seed
            Another seed gives other positions. The positions in a photograph depend on its name and size, not on the rest of the set.
        progress
            Show a progress bar: True, False, or None for work of more than a second.

        Raises
        ------
        ValueError
            If a scale is out of range, or no photograph can be read.
        """
        import torch

        positive_int(size, "size")
        usual = max(1, min(MAX_PATCHES, TOTAL_PATCHES // max(1, len(self))))
        count = usual if per_photo is None else positive_int(per_photo, "per_photo")
        shares = validate_scales(scales)
        patches, boxes, errors = [], [], []
        for photograph in with_progress(self, "cutting photographs", progress):
            try:
                image = photograph.whole()
            except (OSError, ValueError) as problem:
                errors.append((photograph.name, str(problem)))
                continue
            rng = np.random.default_rng([whole_number(seed, "seed"), crc32(photograph.name.encode())])
            positions = crop_boxes(*image.size, shares, count, rng)
            patches += [crop_square(image, box, size) for box in positions]
            boxes.append(np.insert(positions, 0, len(boxes), axis=1))
        readable = self._without(errors)
        all_boxes = torch.from_numpy(np.concatenate(boxes) if boxes else np.empty((0, 4), dtype=np.int64))
        labels = readable.labels[all_boxes[:, 0]]
        return PatchDataset(_as_images(patches, size), labels, self.class_names, readable, all_boxes)

    def _squares(self, size: int, progress: bool | None) -> tuple[list[np.ndarray], list[tuple[str, str]]]:
        """The squares of the readable photographs, and (name, reason) of the others."""
        positive_int(size, "size")
        arrays, errors = [], []
        for photograph in with_progress(self, "reading photographs", progress):
            try:
                arrays.append(photograph.square(size))
            except (OSError, ValueError) as problem:
                errors.append((photograph.name, str(problem)))
        return arrays, errors

    def _without(self, errors: list[tuple[str, str]]) -> Photographs:
        """The readable photographs; a warning names the others."""
        if not errors:
            return self
        if len(errors) == len(self):
            raise ValueError(f"not one of {len(self)} photographs can be read: {describe_errors(errors)}")
        warnings.warn(
            f"{len(errors)} of {len(self)} photographs are left out: {describe_errors(errors)}", stacklevel=3
        )
        names = {name for name, _ in errors}
        readable = (photograph for photograph in self if photograph.name not in names)
        return Photographs(readable, self.class_names, [*self.skipped, *errors])

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, key: int | str) -> Photograph: ...

    @overload
    def __getitem__(self, which: slice | Sequence[int | str]) -> Photographs: ...

    def __getitem__(self, which: Any) -> Photograph | Photographs:
        if isinstance(which, slice):
            return Photographs(self._all[which], self.class_names, self.skipped)
        if isinstance(which, list | tuple):
            return Photographs([self[item] for item in which], self.class_names, self.skipped)
        if isinstance(which, str):
            return self._all[self._position(which)]
        if not hasattr(which, "__index__"):
            raise TypeError(
                "photographs are taken by number, name, slice or list of names, but got"
                f" {which!r} ({type(which).__name__})."
            )
        number = which.__index__()
        if not -len(self) <= number < len(self):
            raise IndexError(f"photograph {number} of a set of {len(self)}")
        return self._all[number]

    def _position(self, name: str) -> int:
        """The index of the photograph of this name; a ValueError with the nearest names if there is none."""
        if name in self._index:
            return self._index[name]
        for what, reason in self.skipped:
            if name == what:
                raise ValueError(f'photograph "{name}" could not be read: {reason}')
        if len(self) <= 20:
            one_of(name, self._index, "photograph")
        near = difflib.get_close_matches(name, self._index, n=5) or [*self.names[:5]]
        raise ValueError(
            f'none of the {len(self)} photographs is called "{name}"; there are, for example, {", ".join(near)}.'
            " `names` has them all."
        )

    def __iter__(self) -> Iterator[Photograph]:
        return iter(self._all)

    def __repr__(self) -> str:
        named = ", ".join(self.names[:6]) + (", ..." if len(self) > 6 else "")
        return f"Photographs({len(self)} of {len(self.class_names)} classes: {named})"


def with_progress(work: Iterable[Thing], what: str, progress: bool | None) -> Iterable[Thing]:
    """The items of an iterable, with a progress bar: always, never, or (None) if they take more than a second."""
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


def describe_errors(errors: Sequence[tuple[str, str]], max_shown: int = 5) -> str:
    """The files that could not be read and the reasons, the first few of them."""
    sentences = " ".join(
        reason if name in reason else f"{name}: {reason}" for name, reason in errors[:max_shown]
    )
    return sentences + (f" And {len(errors) - max_shown} more." if len(errors) > max_shown else "")
