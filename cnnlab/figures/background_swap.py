"""Accuracy when the background changes: a table, class by scene, for each network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_table
from cnnlab.figures.colours import PROBABILITY


def scene_accuracy_figure(
    tables: Mapping[str, Tensor], classes: Sequence[str], scenes: Sequence[str]
) -> AltTextFigure:
    """Accuracy by class and scene in per cent, a table for each network.

    A network that relies on the object has a table of one colour; one that relies on the background fails where an object stands
    in a scene of another class. All tables have the same colours, from 0 to 1.
    """
    shape = (len(classes), len(scenes))
    for name, table in tables.items():
        if tuple(table.shape) != shape:
            raise ValueError(
                f"the table of {name} must be {shape[0]} x {shape[1]}, but is {tuple(table.shape)}."
            )
    height = len(tables) * (0.45 * shape[0] + 0.4) + 0.8
    figure = AltTextFigure(figsize=(9.0, height), dpi=90, alt_text=_alt_text(tables, classes, scenes))
    axes = figure.subplots(len(tables), 1, squeeze=False, sharex=True)[:, 0]
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        written = np.char.mod("%.0f", 100 * table.numpy())
        style = {"cmap": PROBABILITY, "vmin": 0, "vmax": 1}
        shown = draw_table(axis, table.numpy(), written, classes, scenes, size=11, slant=30, **style)
        axis.set_title(name, fontsize=11)
    bar = figure.colorbar(shown, ax=axes, shrink=0.9, pad=0.01)
    bar.set_label("named right, %", fontsize=9)
    bar.set_ticks([0, 0.5, 1], labels=["0", "50", "100"])
    bar.ax.tick_params(labelsize=8)
    return figure


def _alt_text(tables: Mapping[str, Tensor], classes: Sequence[str], scenes: Sequence[str]) -> str:
    sentences = []
    for name, table in tables.items():
        row, column = divmod(int(table.argmin()), len(scenes))
        sentences.append(
            f"{name}: {float(table.mean()):.2f} on average, lowest for {classes[row]} in scene {scenes[column]}."
        )
    return "Accuracy by class and scene. " + " ".join(sentences)
