"""What corruptions and cue conflicts do to answers.

severity_figure          errors by severity, a panel for each family
corruption_error_figure  CE by network and corruption, and mCE
class_errors_figure      which classes are easy and which are hard, as they are and corrupted
shape_bias_figure        shape or texture, by network, with the paper's numbers beside
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import LINES
from cnnlab.robustness import CORRUPTIONS, FAMILIES, SEVERITIES, ShapeBias

_FIRST, _SECOND = LINES[0][0], LINES[1][0]


def severity_figure(
    errors: Tensor,
    live: Tensor | None = None,
    live_severities: Sequence[int] = SEVERITIES,
    title: str = "",
) -> AltTextFigure:
    """Error rates of one network: four panels, one for each family; lines for `errors`, rings for `live`.

    Parameters
    ----------
    errors
        15 x 5 error rates, from `cnnlab.robustness.corruption_errors` or a record.
    live
        15 x len(live_severities) error rates of a second, smaller run, to lay over the first.
    live_severities
        Its severities.
    title
        Over the figure.
    """
    if errors.shape != (len(CORRUPTIONS), len(SEVERITIES)):
        raise ValueError(f"errors must be 15 corruptions x 5 severities, but came as {tuple(errors.shape)}.")
    means = {family: float(errors[_rows(kinds)].mean()) for family, kinds in FAMILIES.items()}
    alt_text = f"{title or 'Error rates'} by severity. On average over the family: " + ", ".join(
        f"{family} {value:.0%}" for family, value in means.items()
    )
    figure = AltTextFigure(figsize=(10.0, 3.7), alt_text=alt_text + ".")
    for axis, (family, kinds) in zip(figure.subplots(1, 4, sharey=True), FAMILIES.items(), strict=True):
        for kind, row, (colour, style, _) in zip(kinds, _rows(kinds), LINES, strict=False):
            name = kind.replace("_", " ")
            axis.plot(SEVERITIES, errors[row], style, color=colour, linewidth=1.8, label=name)
            if live is not None:
                axis.plot(live_severities, live[row], "o", color=colour, fillstyle="none", markersize=6)
        axis.set(xlabel="severity", xticks=SEVERITIES, ylim=(-0.02, 1.02), title=family)
        # Below, since a line may run anywhere in its panel.
        axis.legend(
            fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False, handlelength=2.6
        )
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("wrong answers")
    figure.axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.suptitle(title, fontsize=11)
    return figure


def corruption_error_figure(table: Mapping[str, Tensor]) -> AltTextFigure:
    """CE in per cent, a row for each network, a column for each corruption, and their mean, mCE, at the right.

    `table` gives 15 values of `cnnlab.robustness.corruption_error` (1 is as bad as the normaliser) by network.
    """
    names, values = list(table), 100 * np.stack([row.numpy() for row in table.values()])
    if values.shape[1:] != (len(CORRUPTIONS),):
        raise ValueError(f"each row must hold 15 values of CE, but the table is {values.shape}.")
    means = values.mean(1)
    alt_text = "mCE in per cent: " + ", ".join(
        f"{name} {mean:.0f}" for name, mean in zip(names, means, strict=True)
    )
    figure = AltTextFigure(figsize=(10.6, 0.42 * len(names) + 1.6), dpi=90, alt_text=alt_text + ".")
    left, right = figure.subplots(1, 2, width_ratios=(15, 1.3))
    for axis, cells in ((left, values), (right, means[:, None])):
        # 100 is white: orange is worse than the normaliser, purple better.
        axis.imshow(cells, cmap="PuOr_r", vmin=0, vmax=200, aspect="auto")
        for row, column in np.ndindex(*cells.shape):
            value = cells[row, column]
            shade = "white" if abs(value - 100) > 75 else "black"
            bold = "bold" if axis is right else "normal"
            axis.text(
                column,
                row,
                f"{value:.0f}",
                ha="center",
                va="center",
                fontsize=8.5,
                color=shade,
                fontweight=bold,
            )
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0, labelsize=8.5)
    spoken = [kind.replace("_", " ") for kind in CORRUPTIONS]
    left.set_xticks(range(len(spoken)), spoken, rotation=40, ha="right", rotation_mode="anchor")
    left.set_yticks(range(len(names)), names)
    right.set(yticks=[])
    right.set_xticks([0], ["mCE"], fontweight="bold")
    figure.suptitle("CE in per cent (100: as bad as the first)", fontsize=10)
    return figure


def class_errors_figure(clean: Tensor, corrupted: Tensor, names: Sequence[str]) -> AltTextFigure:
    """Two bars for each class: the share of wrong answers as the pictures are, and corrupted; the easiest class first.

    `clean` and `corrupted` hold C error rates; the order is that of `corrupted`.
    """
    order = corrupted.argsort(stable=True).tolist()
    easiest, hardest = names[order[0]], names[order[-1]]
    alt_text = f"Wrong answers by class under corruptions: fewest for {easiest}, most for {hardest}."
    figure = AltTextFigure(figsize=(10.0, 2.8), alt_text=alt_text)
    axis = figure.subplots()
    positions = np.arange(len(order))
    hatched = {"color": _SECOND, "hatch": "///", "edgecolor": "white", "linewidth": 0}
    axis.bar(positions - 0.2, corrupted[order].numpy(), 0.4, label="corrupted", **hatched)
    axis.bar(positions + 0.2, clean[order].numpy(), 0.4, color=_FIRST, label="as they are")
    axis.set_xticks(
        positions,
        [names[index] for index in order],
        rotation=40,
        ha="right",
        rotation_mode="anchor",
        fontsize=9,
    )
    axis.set(ylabel="wrong answers", ylim=(0, min(1.0, 1.3 * max(float(corrupted.max()), 0.1))))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.legend(loc="upper left", frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def shape_bias_figure(
    biases: Mapping[str, ShapeBias], quoted: Mapping[str, float] | None = None
) -> AltTextFigure:
    """The share of decisions for the shape, with its 95 % interval, by network; hollow marks are quoted numbers.

    Parameters
    ----------
    biases
        Outcomes of `cnnlab.robustness.shape_bias` by network.
    quoted
        Shape biases in [0, 1] measured by others on other pictures, to be shown below; they compare in direction only.
    """
    quoted = dict(quoted or {})
    sentences = [
        f"{name} {bias.bias:.2f} ({bias.shape + bias.texture} answers for either cue)"
        for name, bias in biases.items()
    ]
    sentences += [f"{name} {value:.2f} (quoted)" for name, value in quoted.items()]
    names = [*biases, *quoted]
    figure = AltTextFigure(
        figsize=(8.6, 0.3 * len(names) + 1.1), alt_text="Shape bias: " + ", ".join(sentences) + "."
    )
    axis = figure.subplots()
    for position, bias in enumerate(biases.values()):
        axis.plot(bias.interval, [position, position], color=_FIRST, linewidth=2.4, solid_capstyle="butt")
        axis.plot(bias.bias, position, "o", color=_FIRST, markersize=6)
    for position, value in enumerate(quoted.values(), len(biases)):
        axis.plot(value, position, "D", color=_SECOND, fillstyle="none", markersize=6)
    axis.axvline(0.5, color="0.6", linestyle=":", linewidth=1)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlim=(0, 1), ylim=(len(names) - 0.4, -0.6))
    axis.set_xlabel("shape bias (0: always by texture, 1: always by shape)")
    axis.grid(axis="x", alpha=0.3)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    return figure


def _rows(kinds: Sequence[str]) -> list[int]:
    return [CORRUPTIONS.index(kind) for kind in kinds]
