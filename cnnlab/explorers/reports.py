"""The dissections of layers that were asked for: made once, in short steps, and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from cnnlab.explorers.growth import Growth
from cnnlab.units import Dissection, dissect_steps


class Reports:
    """Dissects layers of networks with the pictures of one data set; `finish` is called when one is done, or with what went wrong."""

    def __init__(
        self,
        data: Any,
        known: Mapping[tuple[nn.Module, str], Dissection],
        finish: Callable[[Exception | None], None],
    ):
        self._data, self._finish = data, finish
        self._known = dict(known)
        self._growth: Growth[dict[str, Dissection]] = Growth()

    def of(self, model: nn.Module, layer: str) -> Dissection | None:
        """What is known of a layer; None as long as nothing is."""
        return self._known.get((model, layer))

    def make(self, model: nn.Module, layer: str, at_once: bool = False) -> None:
        """Dissect a layer: at once, without a word to `finish`, or in steps that leave the controls alive."""
        least = min(10, len(self._data) // 4)
        steps = dissect_steps(model, self._data, [layer], batch_size=10, least_pictures=least)

        def keep(found: dict[str, Dissection]) -> None:
            for name, one in found.items():
                self._known[model, name] = one

        if at_once:
            for found in steps:
                keep(found)
        else:
            self._growth.start(steps, keep, self._finish)

    def stop(self) -> None:
        """Dissect nothing further; what is known stays."""
        self._growth.stop()
