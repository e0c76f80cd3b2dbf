"""Training curves: loss and accuracies by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.ticker import MaxNLocator

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_lines, finish
from cnnlab.figures.colours import TRAINING, VALIDATION


def training_figure(
    history: Mapping[str, Sequence[float]], title: str = "", epochs: int | None = None
) -> AltTextFigure:
    """Training curves: the loss on the left, training and validation accuracy on the right.

    Parameters
    ----------
    history
        Lists "loss", "accuracy" and "validation", one number an epoch: from the card of a network, or while it trains.
    title
        Over the figure.
    epochs
        The planned number of epochs, which fixes the axis, so that a growing curve does not jump.

    Raises
    ------
    ValueError
        If there is no epoch yet, or the lists differ in length.
    """
    lengths = {len(history[key]) for key in ("loss", "accuracy", "validation")}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(
            f"a curve needs the same number of epochs in each list, at least one, but got {sorted(lengths)}."
        )
    n_epochs = lengths.pop()
    figure = AltTextFigure(figsize=(8.4, 2.8), alt_text=describe_training(history, title))
    left, right = figure.subplots(1, 2)
    along = range(1, n_epochs + 1)
    draw_lines(left, {"loss": (along, history["loss"])}, [(VALIDATION, "-", "o")], markersize=3)
    curves = {"while training": (along, history["accuracy"]), "validation": (along, history["validation"])}
    draw_lines(right, curves, [(TRAINING, "-", "o"), (VALIDATION, "-", "s")], markersize=3)
    xlim = 0.5, (epochs or n_epochs) + 0.5
    finish(left, "epoch", "mean loss", legend=None, xlim=xlim, ylim=(0, None))
    finish(
        right, "epoch", "accuracy", per_cent=True, legend={"loc": "lower right"}, xlim=xlim, ylim=(0, 1.02)
    )
    for axis in (left, right):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title, fontsize=11)
    return figure


def describe_training(history: Mapping[str, Sequence[float]], title: str = "") -> str:
    """The curves in words."""
    loss, validation = history["loss"], history["validation"]
    return (
        f"Training{f' of {title}' if title else ''}, {len(loss)} epochs: the loss goes from {loss[0]:.2f} to {loss[-1]:.2f},"
        f" the accuracy on validation pictures from {validation[0]:.0%} to {validation[-1]:.0%}."
    )
