"""Ablation of a unit: a button that starts it, and bars with the accuracy of each class."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets
from torch import Tensor, nn

from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.probability_bars import ProbabilityBars
from cnnlab.explorers.render import dissection


class Role:
    """Classifies the pictures again without a unit, in short steps, and keeps the accuracy of each class.

    `lost` holds the accuracy of each class with the unit and without (C, C), None before an ablation; `finish` is called at the
    end, with the error if there was one. The explorer places `button` and `bars`.
    """

    def __init__(self, finish: Callable[[Exception | None], None]):
        self.button = widgets.Button(description="Ablate this unit")
        self.bars = ProbabilityBars(label="Accuracy by class", series_names=["without the unit", "with it"])
        self.lost: tuple[Tensor, Tensor] | None = None
        self._growth: BackgroundSteps[tuple[Tensor, Tensor]] = BackgroundSteps()
        self._finish = finish

    def ask(self, model: nn.Module, images: Tensor, labels: Tensor, layer: str, unit: int) -> None:
        """Classify the pictures again without the unit."""
        self._growth.start(
            dissection.ablation_accuracy(model, images, labels, layer, unit), self._keep, self._finish
        )

    def show(self, classes: Sequence[str]) -> str:
        """Show the result in the bars; returns a phrase on it."""
        self.bars.entries = dissection.ablation_rows(*self.lost, classes)
        first = self.bars.entries[0]
        return f"{first['name']} falls most" if first["target"] else "no class falls"

    def stop(self) -> None:
        """Stop the ablation; what is shown stays."""
        self._growth.stop()

    def forget(self) -> None:
        """Stop, and clear the result, which belongs to another unit."""
        self.stop()
        self.bars.entries, self.lost = [], None

    def _keep(self, lost: tuple[Tensor, Tensor]) -> None:
        self.lost = lost
