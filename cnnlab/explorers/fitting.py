"""Gabor and blob fits to the filters of a layer, one by one: two buttons, and the fits of each layer so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

import ipywidgets as widgets
from torch import Tensor

from cnnlab.explorers.background import BackgroundSteps
from cnnlab.units import FilterFit, fit_filters


class Fitting:
    """Fits a Gabor function and a colour blob to filter after filter, and keeps the fits under the layer's key.

    `show` is called with the key after each fit; `finish` at the end, with the error if there was one. The explorer places the
    buttons and labels the first of them.
    """

    def __init__(self, show: Callable[[Hashable], None], finish: Callable[[Exception | None], None]):
        self.button = widgets.Button(description="Fit Gabor and blob")
        self.stop_button = widgets.Button(description="Stop", disabled=True)
        self._show, self._finish = show, finish
        self._found: dict[Hashable, list[FilterFit]] = {}
        self._growth: BackgroundSteps[FilterFit] = BackgroundSteps()

    def of(self, key: Hashable) -> list[FilterFit]:
        """The fits to the filters of a layer, as far as they are done, from unit 0 on."""
        return self._found.get(key, [])

    def start(self, key: Hashable, weights: Tensor) -> None:
        """Fit the filters (N x 3 x k x k) of a layer, continuing where the last fit stopped."""
        found = self._found.setdefault(key, [])

        def steps() -> Iterator[FilterFit]:
            for number in range(len(found), len(weights)):
                yield fit_filters(weights[number])

        def keep(fit: FilterFit) -> None:
            found.append(fit)
            self._show(key)

        self.button.disabled, self.stop_button.disabled = True, False
        self._growth.start(steps(), keep, self._end)

    def stop(self) -> None:
        """Stop fitting; the fits so far stay."""
        self._growth.stop()
        self.button.disabled, self.stop_button.disabled = False, True

    def _end(self, error: Exception | None) -> None:
        self.button.disabled, self.stop_button.disabled = False, True
        self._finish(error)
