"""Learning curves of a training that runs in the notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from cnnlab.explorers.charts import Chart
from cnnlab.figures.training import training_figure


class TrainingCurve:
    """Learning curves: loss and accuracies while a network trains; pass it to `cnnlab.networks.train` as `on_epoch`.

    Parameters
    ----------
    title
        Title of the curves.
    epochs
        Number of epochs of the training.

    Example
    -------
    >>> curve = TrainingCurve("digits", epochs=30)
    >>> display(curve)  # doctest: +SKIP
    >>> cnnlab.networks.train("digits", on_epoch=curve)  # doctest: +SKIP
    """

    def __init__(self, title: str = "", epochs: int | None = None):
        self.title, self.epochs = title, epochs
        self.figure = None
        self.chart = Chart(alt="No epoch is done yet.")
        self.widget = widgets.VBox([self.chart]).add_class("cnnlab-curve")

    def __call__(self, history: Mapping[str, Sequence[float]]) -> None:
        """Show the history so far."""
        self.figure = training_figure(history, self.title, self.epochs)
        self.chart.show(self.figure.png(), self.figure.alt_text)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        live = dict(self.widget._repr_mimebundle_())
        if self.figure is None:
            return live | {"text/plain": "No epoch is done yet."}, {}
        preview, metadata = self.figure._repr_mimebundle_()
        return preview | live | {"text/plain": self.figure.alt_text}, metadata
