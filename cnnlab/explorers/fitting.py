"""Fitting the filters of a layer one by one: two buttons, and what was found so far for each layer."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

import ipywidgets as widgets
from torch import Tensor

from cnnlab.explorers.background import BackgroundSteps
from cnnlab.units import FilterFit, fit_filters


class Fitting:
    """Fits a Gabor function and a blob of colour to filter after filter, and keeps what was found under the layer's key.

    `show` is called with the key after each fit; `finish` at the end, with the error if there was one. The explorer places the
    buttons and says what the first of them does.
    """

    def __init__(self, show: Callable[[Hashable], None], finish: Callable[[Exception | None], None]):
        self.button = widgets.Button(description="Fit Gabor and blob")
        self.stop_button = widgets.Button(description="Stop", disabled=True)
        self._show, self._finish = show, finish
        self._found: dict[Hashable, list[FilterFit]] = {}
        self._growth: BackgroundSteps[FilterFit] = BackgroundSteps()

    def of(self, key: Hashable) -> list[FilterFit]:
        """What explains the filters of a layer, as far as they are fitted, from unit 0 on."""
        return self._found.get(key, [])

    def start(self, key: Hashable, weights: Tensor) -> None:
        """Fit the filters (N x 3 x k x k) of a layer, on from where it stopped."""
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
        """Fit nothing further; what was found stays."""
        self._growth.stop()
        self.button.disabled, self.stop_button.disabled = False, True

    def _end(self, error: Exception | None) -> None:
        self.button.disabled, self.stop_button.disabled = False, True
        self._finish(error)
