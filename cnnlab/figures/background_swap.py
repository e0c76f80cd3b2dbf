"""What a change of background does to the answers: a table of accuracies, class by scene, for each network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import PROBABILITY


def scene_accuracy_figure(
    tables: Mapping[str, Tensor], classes: Sequence[str], scenes: Sequence[str]
) -> AltTextFigure:
    """For each network a table, classes x scenes, of the share of pictures that it names right, in per cent.

    A network that looks at the object has a table of one colour; one that looks at the background has holes, each where an object
    stands in another class's place. The same colours from 0 to 1 in all tables.
    """
    shape = (len(classes), len(scenes))
    for name, table in tables.items():
        if tuple(table.shape) != shape:
            raise ValueError(
                f"the table of {name} must be {shape[0]} x {shape[1]}, but is {tuple(table.shape)}."
            )
    figure = AltTextFigure(
        figsize=(11.0, 0.36 * shape[0] + 1.1), dpi=90, alt_text=_alt_text(tables, classes, scenes)
    )
    axes = figure.subplots(1, len(tables), squeeze=False, sharey=True)[0]
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        heatmap = axis.imshow(
            table.numpy(), aspect="auto", cmap=PROBABILITY.removesuffix("_r"), vmin=0, vmax=1
        )
        for row, column in np.ndindex(*shape):
            value = float(table[row, column])
            ink = "black" if value > 0.6 else "white"
            axis.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=7.5, color=ink)
        axis.set_xticks(range(shape[1]), scenes, rotation=60, fontsize=8, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(shape[0]), classes, fontsize=9)
        axis.set_title(name, fontsize=10)
        axis.tick_params(length=0)
    bar = figure.colorbar(heatmap, ax=axes, shrink=0.9, pad=0.01)
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
