"""Pictures of nothing that a network is sure of: how they were bred, and how sure it became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.ticker import PercentFormatter

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import LINES
from cnnlab.robustness import Fooling


def generations_figure(
    steps: Sequence[Fooling], class_names: Sequence[str], *, n_columns: int = 6
) -> AltTextFigure:
    """The champions by generation: a row for each class, `n_columns` generations from left to right, what the network gives below each.

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
            axis.imshow(generation.images[row].permute(1, 2, 0).numpy())
            axis.set(xticks=[], yticks=[])
            axis.set_xlabel(f"{float(generation.probabilities[row]):.2f}", fontsize=9, labelpad=2)
            axis.spines[:].set_visible(False)
            if not row:
                axis.set_title(f"generation {generation.generation}", fontsize=9)
        axes[row, 0].set_ylabel(class_names[target], fontsize=10)
    return figure


def confidence_figure(curves: Mapping[str, Sequence[Fooling]], *, title: str = "") -> AltTextFigure:
    """The mean confidence over the questions that were asked, a line for each way of breeding.

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
    figure = AltTextFigure(
        figsize=(7.6, 3.2), alt_text=f"{title or 'Confidence by questions'}: {'; '.join(sentences)}."
    )
    axis = figure.subplots()
    for (name, steps), (colour, dashes, _) in zip(curves.items(), LINES * len(curves), strict=False):
        heights = [float(generation.probabilities.mean()) for generation in steps]
        axis.plot(
            [generation.queries for generation in steps],
            heights,
            dashes,
            color=colour,
            label=name,
            linewidth=1.8,
        )
    axis.set(
        xlabel="questions asked", ylabel="mean probability of the class", ylim=(-0.03, 1.03), title=title
    )
    axis.title.set_fontsize(11)
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=9, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
