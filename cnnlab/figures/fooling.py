"""Fooling images, which show nothing and get a high confidence: their evolution, and the confidence by queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_lines, finish, show_image
from cnnlab.robustness import Fooling


def generations_figure(
    steps: Sequence[Fooling], class_names: Sequence[str], *, n_columns: int = 6
) -> AltTextFigure:
    """The best fooling images by generation: a row for each class, `n_columns` generations, the confidence below each image.

    Raises
    ------
    ValueError
        If there is no generation.
    """
    if not steps:
        raise ValueError("there is no generation to show; give what `evolve_fooling` yields, as a list.")
    count = min(n_columns, len(steps))
    chosen = [steps[round(i * (len(steps) - 1) / max(count - 1, 1))] for i in range(count)]
    targets = chosen[0].targets.tolist()
    named = ", ".join(
        f"{class_names[t]} {float(p):.2f}" for t, p in zip(targets, chosen[-1].probabilities, strict=True)
    )
    alt_text = (
        f"Pictures bred over {steps[-1].generation} generations; at the end the network gives: {named}."
    )
    figure = AltTextFigure(figsize=(1.55 * count + 0.9, 1.75 * len(targets) + 0.3), alt_text=alt_text)
    axes = figure.subplots(len(targets), count, squeeze=False)
    for row, target in enumerate(targets):
        for column, generation in enumerate(chosen):
            axis = axes[row, column]
            show_image(axis, generation.images[row], "" if row else f"generation {generation.generation}", 9)
            axis.set_xlabel(f"{float(generation.probabilities[row]):.2f}", fontsize=9, labelpad=2)
        axes[row, 0].set_ylabel(class_names[target], fontsize=10)
    return figure


def confidence_figure(curves: Mapping[str, Sequence[Fooling]], *, title: str = "") -> AltTextFigure:
    """Mean confidence in fooling images against the number of queries, a line for each encoding.

    Raises
    ------
    ValueError
        If there is no curve.
    """
    if not curves:
        raise ValueError("there is no curve to show; give names and what `evolve_fooling` yields for each.")
    sentences = [
        f"{name} reaches {float(steps[-1].probabilities.mean()):.2f}" for name, steps in curves.items()
    ]
    axis = AltTextFigure(
        figsize=(7.6, 3.2), alt_text=f"{title or 'Confidence by questions'}: {'; '.join(sentences)}."
    ).subplots()
    series = {
        name: ([step.queries for step in steps], [float(step.probabilities.mean()) for step in steps])
        for name, steps in curves.items()
    }
    draw_lines(axis, series, marker="")
    up = "mean probability of the class"
    return finish(axis, "queries", up, title, per_cent=True, ylim=(-0.03, 1.03))
