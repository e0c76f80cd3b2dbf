"""Dissections of layers, computed once in short steps and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from cnnlab.explorers.activation_store import pictures_in_a_step
from cnnlab.explorers.background import BackgroundSteps, told
from cnnlab.units import Dissection, dissect_steps


class Reports:
    """Dissects layers of networks; `finish` is called at the end, with the error if there was one, and `tell` receives the progress."""

    def __init__(
        self,
        known: Mapping[tuple[nn.Module, str], Dissection],
        finish: Callable[[Exception | None], None],
        tell: Callable[[str], None],
    ):
        self._finish, self._tell = finish, tell
        self._known = dict(known)
        self._growth: BackgroundSteps[dict[str, Dissection]] = BackgroundSteps()

    def of(self, model: nn.Module, layer: str) -> Dissection | None:
        """The dissection of a layer; None until it is done."""
        return self._known.get((model, layer))

    def make(self, model: nn.Module, layer: str, data: Any, side: int, blocking: bool = False) -> None:
        """Dissect a layer with a data set of side x side: at once and without calling `finish`, or in the background.

        Larger pictures are sampled at as many pixels as those of 96 x 96.
        """
        batch, every = pictures_in_a_step(side, 10), max(2, round(2 * side / 96))
        least = min(10, len(data) // 4)
        steps = dissect_steps(model, data, [layer], batch_size=batch, min_pictures=least, pixel_step=every)
        steps = told(steps, 2 * -(-len(data) // batch), self._tell)

        def keep(found: dict[str, Dissection]) -> None:
            for name, one in found.items():
                self._known[model, name] = one

        if blocking:
            for found in steps:
                keep(found)
        else:
            self._growth.start(steps, keep, self._finish)

    def stop(self) -> None:
        """Stop the dissection; finished ones stay."""
        self._growth.stop()
