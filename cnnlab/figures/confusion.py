"""The confusion matrix: which classes are predicted as which others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure


def confusion_figure(
    true: Tensor, predicted: Tensor, class_names: Sequence[str], title: str = ""
) -> AltTextFigure:
    """Confusion matrix: how often images of a class (row) are predicted as each class (column), as a share of the row.

    Parameters
    ----------
    true, predicted
        N class indices each.
    class_names
        In the order of the indices.
    title
        Over the figure.

    Raises
    ------
    ValueError
        If there is no picture, or the two differ in number.
    """
    # Imported here since both are slow to import, and seaborn imports pyplot.
    import seaborn
    from sklearn.metrics import confusion_matrix

    if not len(true) or len(true) != len(predicted):
        raise ValueError(
            f"a confusion matrix needs as many predictions as pictures, and at least one, but got {len(predicted)} and {len(true)}."
        )
    counts = confusion_matrix(true.cpu(), predicted.cpu(), labels=range(len(class_names)))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = AltTextFigure(figsize=(7.6, 6.6), alt_text=describe_confusion(counts, class_names))
    axis = figure.subplots()
    # Zeros are left out, so that the confused classes stand out.
    written = np.where(counts > 0, np.char.mod("%.0f", 100 * shares), "")
    style = {"vmin": 0, "vmax": 1, "cmap": "cividis", "linewidths": 0.4, "linecolor": "white", "square": True}
    text = {"annot": written, "fmt": "", "annot_kws": {"size": 7}}
    names = {"xticklabels": class_names, "yticklabels": class_names}
    scale = {"label": "share of the row; numbers in percent", "shrink": 0.8}
    seaborn.heatmap(shares, ax=axis, cbar_kws=scale, **names, **text, **style)
    axis.set(xlabel="the network says", ylabel="it is", title=title)
    axis.tick_params(labelsize=8, length=0)
    return figure


def describe_confusion(counts: np.ndarray, class_names: Sequence[str], max_pairs: int = 3) -> str:
    """The matrix in words: accuracy, and the most frequent confusions."""
    right = np.trace(counts) / counts.sum()
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:max_pairs]
    pairs = [np.unravel_index(flat_index, wrong.shape) for flat_index in order if wrong.flat[flat_index]]
    text = ", ".join(f"{class_names[i]} for {class_names[j]} ({wrong[i, j]} times)" for i, j in pairs)
    return f"Confusion matrix of {len(class_names)} classes, {right:.1%} right; taken for another most often: {text or 'none'}."
