"""Memorization: accuracy on training and on other images, by epoch, by share of random labels, and by regulariser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import bare, draw_lines, finish, level_line
from cnnlab.figures.colours import LINES, TRAINING, VALIDATION

CHANCE_LEVEL = 1 / 20
_STYLES = [(colour, dashes, "") for colour, dashes, _ in LINES] + [("#546e7a", (0, (5, 1, 1, 1, 1, 1)), "")]

ZHANG = {
    ("true labels", "augmentation + dropout + weight decay"): (92.18, 99.21, 77.84, 93.92),
    ("true labels", "augmentation"): (92.33, 99.17, 72.95, 90.43),
    ("true labels", "weight decay"): (90.60, 100.0, 67.18, 86.44),
    ("true labels", "none"): (99.53, 100.0, 59.80, 80.38),
    ("random labels", "dropout + weight decay"): (91.18, 97.95, 0.09, 0.49),
    ("random labels", "weight decay"): (87.81, 96.15, 0.12, 0.50),
    ("random labels", "none"): (95.20, 99.14, 0.11, 0.56),
}
"""Zhang et al. (2017), ImageNet with 1 000 classes, as lecture L quotes it: top-1 and top-5 in training, top-1 and top-5 in the test,
in per cent."""


def memorization_figure(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    epochs: int | None = None,
    title: str = "",
) -> AltTextFigure:
    """Accuracy by epoch: on the training images at the left, on other images at the right.

    `curves` gives (training accuracies, accuracies on other images) by name, one number an epoch.
    """
    if not curves:
        raise ValueError("there is no curve to draw.")
    alt_text = f"{title or 'Accuracy while learning'}. " + " ".join(
        f"{name}: {train_accuracy[-1]:.0%} of the training pictures, {test_accuracy[-1]:.0%} of other pictures."
        for name, (train_accuracy, test_accuracy) in curves.items()
    )
    figure = AltTextFigure(figsize=(9.6, 3.0), alt_text=alt_text)
    left, right = figure.subplots(1, 2, sharey=True)
    longest = epochs or max(len(train_accuracy) for train_accuracy, _ in curves.values())
    for side, (axis, what) in enumerate(((left, "the training pictures"), (right, "other pictures"))):
        series = {name: (range(1, len(both[side]) + 1), both[side]) for name, both in curves.items()}
        draw_lines(axis, series, _STYLES)
        level_line(axis, CHANCE_LEVEL)
        limits = {"xlim": (0.5, longest + 0.5), "ylim": (-0.02, 1.04)}
        finish(axis, "epoch", title=f"on {what}", per_cent=True, legend=None, **limits)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_ylabel("accuracy")
    left.legend(fontsize=8, loc="lower right", frameon=False)
    figure.suptitle(title, fontsize=11)
    return figure


def random_labels_figure(
    rows: Sequence[Mapping[str, Any]],
    live: Sequence[Mapping[str, Any]] = (),
    *,
    label: str = "recorded",
    live_label: str = "live",
) -> AltTextFigure:
    """Accuracy by the share of random labels: on the training images, and on other images with their true labels.

    Parameters
    ----------
    rows, live
        Rows with "share", "train" and "test": `rows` as lines, `live` as rings.
    label, live_label
        Their names in the legend.
    """
    first, last = rows[0], rows[-1]
    alt_text = (
        f"Accuracy by share of random labels. Training pictures: {first['train']:.0%} without, {last['train']:.0%} at"
        f" {last['share']:.0%}. Other pictures: {first['test']:.0%} without, {last['test']:.0%} at {last['share']:.0%}."
    )
    axis = AltTextFigure(figsize=(7.4, 3.2), alt_text=alt_text).subplots()
    for points, what, dashes, options in (
        (rows, label, "-", {"markersize": 4}),
        (live, live_label, "", {"markersize": 8, "fillstyle": "none"}),
    ):
        if points:
            shares = [row["share"] for row in points]
            accuracies = ([row[key] for row in points] for key in ("train", "test"))
            names = f"training pictures ({what})", f"other pictures ({what})"
            curves = {name: (shares, values) for name, values in zip(names, accuracies, strict=True)}
            draw_lines(axis, curves, [(TRAINING, dashes, "o"), (VALIDATION, dashes, "s")], **options)
    level_line(axis, CHANCE_LEVEL)
    axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return finish(axis, "share of random labels", "accuracy", per_cent=True, ylim=(-0.02, 1.04))


def regulariser_figure(rows: Sequence[Mapping[str, Any]]) -> AltTextFigure:
    """Top-1 and top-5 accuracy in training and in the test for each regulariser, beside the numbers of the paper.

    `rows` hold "inputs", "regulariser", "train", "train_top5", "test", "test_top5" as shares.
    """
    heads = ["train\ntop-1", "train\ntop-5", "test\ntop-1", "test\ntop-5"]
    names = [f"{row['inputs']}, {row['regulariser']}" for row in rows]
    ours = [[100 * row[key] for key in ("train", "train_top5", "test", "test_top5")] for row in rows]
    theirs = [ZHANG.get((row["inputs"], row["regulariser"])) for row in rows]
    alt_text = "Per cent right in training and test, top-1: " + "; ".join(
        f"{name} {our[0]:.0f} and {our[2]:.0f}"
        + (f" (paper {paper[0]:.0f} and {paper[2]:.1f})" if paper else "")
        for name, our, paper in zip(names, ours, theirs, strict=True)
    )
    figure = AltTextFigure(figsize=(9.6, 0.3 * len(rows) + 1.1), dpi=90, alt_text=alt_text + ".")
    axis = figure.subplots()
    axis.set(xlim=(-0.5, 8.0), ylim=(len(rows) - 0.5, -1.7))
    for start, what in ((0, "ours: 20 classes"), (4.5, "Zhang et al.: ImageNet, 1 000 classes")):
        axis.text(start + 1.5, -1.45, what, ha="center", va="center", fontsize=9.5, fontweight="bold")
        for column, head in enumerate(heads):
            axis.text(start + column, -0.85, head, ha="center", va="center", fontsize=8.5)
    for position, (our, paper) in enumerate(zip(ours, theirs, strict=True)):
        _cells(axis, position, 0, our, digits=0)
        if paper:
            _cells(axis, position, 4.5, paper, digits=2)
    bare(axis)
    axis.set_yticks(range(len(names)), names, fontsize=9)
    axis.tick_params(length=0)
    return figure


def _cells(axis: Axes, position: int, start: float, values: Sequence[float], digits: int) -> None:
    """Numbers on a shade that grows with them, training and test in their colours."""
    for column, value in enumerate(values):
        colour = TRAINING if column < 2 else VALIDATION
        box = (start + column - 0.48, position - 0.46), 0.96, 0.92
        axis.add_patch(Rectangle(*box, color=colour, alpha=0.06 + 0.5 * value / 100, linewidth=0))
        axis.text(start + column, position, f"{value:.{digits}f}", ha="center", va="center", fontsize=9)
