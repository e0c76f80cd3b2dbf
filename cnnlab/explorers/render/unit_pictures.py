"""Pictures that units want, for an explorer: those that are finished, here or on disk, and those that grow; without any widget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn

from cnnlab.synthesis import kept_unit_picture, unit_picture_steps

MOST_GROWING = 9
"""How many interrupted pictures can be continued; beyond that, the oldest starts anew."""


class Wanted(NamedTuple):
    """The picture of a unit of a layer, in so many versions, after so many steps."""

    layer: str
    unit: int
    versions: int
    steps: int


class UnitPictures:
    """The pictures of a network's units, `size` x `size` pixels: each grows when it is asked for, and is kept."""

    def __init__(self, model: nn.Module, size: int):
        self._model, self._size = model, size
        self._finished: dict[Wanted, Tensor] = {}
        self._growing: dict[Wanted, Iterator[Tensor]] = {}
        self._latest: dict[Wanted, Tensor] = {}

    def finished(self, wanted: Wanted) -> Tensor | None:
        """The picture, versions x 3 x size x size; None as long as it is not finished."""
        if wanted not in self._finished and wanted not in self._growing:
            kept = kept_unit_picture(self._model, wanted.layer, wanted.unit, **self._options(wanted))
            if kept is not None:
                self._finished[wanted] = kept
        return self._finished.get(wanted)

    def latest(self, wanted: Wanted) -> Tensor | None:
        """A picture that grows, as far as it is; None if it has not begun."""
        return self._latest.get(wanted)

    def grow(self, wanted: Wanted) -> Iterator[None]:
        """The steps of a picture, from where an earlier call was interrupted, and one when it is finished; none if it is already."""
        if self.finished(wanted) is not None:
            return
        if wanted not in self._growing:
            if len(self._growing) >= MOST_GROWING:
                self._forget(next(iter(self._growing)))
            steps = unit_picture_steps(self._model, wanted.layer, wanted.unit, **self._options(wanted))
            self._growing[wanted] = steps
        for images in self._growing[wanted]:
            self._latest[wanted] = images
            yield
        self._finished[wanted] = self._latest[wanted].float()
        self._forget(wanted)
        yield

    def _forget(self, wanted: Wanted) -> None:
        self._growing.pop(wanted, None)
        self._latest.pop(wanted, None)

    def _options(self, wanted: Wanted) -> dict[str, int]:
        return {"versions": wanted.versions, "size": self._size, "steps": wanted.steps}
