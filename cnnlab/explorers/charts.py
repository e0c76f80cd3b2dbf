"""Bars, plots and tables, drawn in the browser by `probability_bars.js`, `chart.js` and `table.js`; learning curves of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import ipywidgets as widgets
from torch import Tensor
from traitlets import Bytes, Dict, Int, List, Unicode

from cnnlab.explorers.common import read_script, read_source
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.training import training_figure


class ProbabilityBars(anywidget.AnyWidget):
    """Bar chart with rows of {"name", "now", "before", "target"}, the most probable first."""

    _esm = read_script("probability_bars.js")
    _css = read_source("probability_bars.css")

    entries = List(Dict()).tag(sync=True)
    label = Unicode("Class probabilities").tag(sync=True)
    series_names = List(
        Unicode(), ["covered", "uncovered"], help="what `current` and `reference` are called"
    ).tag(sync=True)


class Chart(anywidget.AnyWidget):
    """Static chart, such as a curve: `png` bytes, and `alt`, its alt text."""

    _esm = read_source("chart.js")
    _css = read_source("chart.css")

    png = Bytes(b"").tag(sync=True)
    alt = Unicode("").tag(sync=True)

    def show(self, content: bytes, alt: str) -> None:
        """Show another picture and its alt text, in one message."""
        with self.hold_sync():
            self.png, self.alt = content, alt

    def show_figure(self, figure: AltTextFigure) -> None:
        """Show a figure with its own alt text."""
        self.show(figure.png(), figure.alt_text)


class Table(anywidget.AnyWidget):
    """Table of text cells.

    Traits
    ------
    headings, rows
        The names of the columns, and the cells, row by row.
    selected
        Index of the chosen row, -1 for none; the browser writes it, the kernel may write it too.
    text_columns
        Number of columns from the left that hold text; the others hold numbers and are aligned to the right.
    label, note
        Accessible name of the table, and a line below it.
    """

    _esm = read_script("table.js")
    _css = read_source("table.css")

    headings = List(Unicode()).tag(sync=True)
    rows = List(List(Unicode())).tag(sync=True)
    selected = Int(-1).tag(sync=True)
    text_columns = Int(1).tag(sync=True)
    label = Unicode("Table").tag(sync=True)
    note = Unicode("").tag(sync=True)


def probability_rows(
    current: Tensor, reference: Tensor | None, names: Sequence[str], target: int, k: int = 5
) -> list[dict]:
    """The `k` most probable classes as rows for `ProbabilityBars`, followed by the target if it is not among them.

    `current` and `reference` hold C probabilities; None compares with nothing. Ties are resolved in the order of the classes.
    """
    ranks = current.argsort(descending=True, stable=True)[:k].tolist()
    classes = ranks if target in ranks else [*ranks, target]
    return bar_rows(
        [names[i] for i in classes],
        current[classes],
        None if reference is None else reference[classes],
        [i == target for i in classes],
    )


def bar_rows(names: Sequence[str], now: Tensor, before: Tensor | None, targets: Sequence[bool]) -> list[dict]:
    """Rows for `ProbabilityBars`: a name, two numbers (None if there is nothing to compare with), and whether the row stands out."""
    numbers = (
        [None] * len(names) if values is None else [round(value, 4) for value in values.tolist()]
        for values in (now, before)
    )
    columns = zip(names, *numbers, targets, strict=True)
    return [dict(zip(("name", "now", "before", "target"), row, strict=True)) for row in columns]


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
