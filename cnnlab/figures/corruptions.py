"""Errors under image corruptions, by severity, corruption and class; and shape bias under cue conflicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import draw_bars, draw_lines, draw_table, finish, interval_dot
from cnnlab.figures.colours import LINES
from cnnlab.robustness import CORRUPTIONS, FAMILIES, SEVERITIES, ShapeBias

_FIRST, _SECOND = LINES[0][0], LINES[1][0]


def severity_figure(
    errors: Tensor,
    live: Tensor | None = None,
    live_severities: Sequence[int] = SEVERITIES,
    title: str = "",
    *,
    severities: Sequence[int] = SEVERITIES,
    up: str = "error rate",
) -> AltTextFigure:
    """Error rates of one network by severity, a panel for each family of corruptions; lines for `errors`, rings for `live`.

    Parameters
    ----------
    errors
        15 x len(severities) error rates, from `cnnlab.robustness.corruption_errors` or a record; or another share in [0, 1].
    live
        15 x len(live_severities) error rates of a second, smaller run, to lay over the first.
    live_severities
        Its severities.
    title
        Over the figure.
    severities, up
        The severities of `errors`, and what `errors` holds if it is not the error rate.
    """
    if errors.shape != (len(CORRUPTIONS), len(severities)):
        raise ValueError(
            f"errors must be 15 corruptions x {len(severities)} severities, but came as {tuple(errors.shape)}."
        )
    means = {family: float(errors[_rows(kinds)].mean()) for family, kinds in FAMILIES.items()}
    alt_text = f"{title or up.capitalize()} by severity. On average over the family: " + ", ".join(
        f"{family} {value:.0%}" for family, value in means.items()
    )
    figure = AltTextFigure(figsize=(10.0, 3.7), alt_text=alt_text + ".")
    for axis, (family, kinds) in zip(figure.subplots(1, 4, sharey=True), FAMILIES.items(), strict=True):
        rows = {kind.replace("_", " "): row for kind, row in zip(kinds, _rows(kinds), strict=True)}
        curves = {name: (severities, errors[row]) for name, row in rows.items()}
        rings = {} if live is None else {name: (live_severities, live[row]) for name, row in rows.items()}
        draw_lines(axis, curves, rings=rings, marker="")
        # Below, since a line may run anywhere in its panel.
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "handlelength": 2.6}
        limits = {"xticks": severities, "ylim": (-0.02, 1.02)}
        finish(axis, "severity", title=family, legend=below, per_cent=True, **limits)
    figure.axes[0].set_ylabel(up)
    figure.suptitle(title, fontsize=11)
    return figure


def corruption_error_figure(table: Mapping[str, Tensor]) -> AltTextFigure:
    """Corruption error (CE) in per cent, a row for each network, a column for each corruption, and their mean, mCE.

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
    spoken = [kind.replace("_", " ") for kind in CORRUPTIONS]
    # 100 is white: orange is worse than the normaliser, purple better.
    style = {"cmap": "PuOr_r", "vmin": 0, "vmax": 200, "size": 8.5}
    draw_table(left, values, np.char.mod("%.0f", values), names, spoken, slant=40, **style)
    draw_table(right, means[:, None], np.char.mod("%.0f", means[:, None]), **style)
    right.set_xticks([0], ["mCE"], fontweight="bold")
    for text in right.texts:
        text.set_fontweight("bold")
    figure.suptitle(
        f"CE in per cent (100: as many errors as {names[0]}; orange: more, purple: fewer)", fontsize=10
    )
    return figure


def class_errors_figure(clean: Tensor, corrupted: Tensor, names: Sequence[str]) -> AltTextFigure:
    """Error rates by class, for clean and for corrupted images; the easiest class first.

    `clean` and `corrupted` hold C error rates; the order is that of `corrupted`.
    """
    order = corrupted.argsort(stable=True).tolist()
    easiest, hardest = names[order[0]], names[order[-1]]
    alt_text = f"Errors by class under corruptions: fewest for {easiest}, most for {hardest}."
    axis = AltTextFigure(figsize=(10.0, 2.8), alt_text=alt_text).subplots()
    series = {"corrupted": corrupted[order], "as they are": clean[order]}
    ordered = [names[index] for index in order]
    draw_bars(axis, ordered, series, (_SECOND, _FIRST), hatches=("///", ""), slant=40)
    top = min(1.0, 1.3 * max(float(corrupted.max()), 0.1))
    legend = {"loc": "upper left"}
    return finish(axis, "", "error rate", per_cent=True, grid="y", legend=legend, ylim=(0, top))


def shape_bias_figure(
    biases: Mapping[str, ShapeBias], quoted: Mapping[str, float] | None = None
) -> AltTextFigure:
    """Shape bias, the share of decisions by shape, with its 95 % interval, by network; hollow markers are quoted numbers.

    Parameters
    ----------
    biases
        Outcomes of `cnnlab.robustness.shape_bias` by network.
    quoted
        Published shape biases in [0, 1], measured on other images; only their direction can be compared.
    """
    quoted = dict(quoted or {})
    sentences = [
        f"{name} {bias.bias:.2f} ({bias.shape + bias.texture} decisions by either cue)"
        for name, bias in biases.items()
    ]
    sentences += [f"{name} {value:.2f} (quoted)" for name, value in quoted.items()]
    names = [*biases, *quoted]
    axis = AltTextFigure(
        figsize=(8.6, 0.3 * len(names) + 1.1), alt_text="Shape bias: " + ", ".join(sentences) + "."
    ).subplots()
    for position, bias in enumerate(biases.values()):
        interval_dot(axis, position, bias.bias, bias.interval, _FIRST)
    for position, value in enumerate(quoted.values(), len(biases)):
        axis.plot(value, position, "D", color=_SECOND, fillstyle="none", markersize=6)
    axis.axvline(0.5, color="0.6", linestyle=":", linewidth=1)
    axis.set_yticks(range(len(names)), names)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    limits = {"xlim": (0, 1), "ylim": (len(names) - 0.4, -0.6)}
    return finish(
        axis,
        "share of decisions by shape (0: all by texture, 1: all by shape)",
        grid="x",
        legend=None,
        **limits,
    )


def _rows(kinds: Sequence[str]) -> list[int]:
    return [CORRUPTIONS.index(kind) for kind in kinds]
