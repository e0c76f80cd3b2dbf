"""Network dissection: detectors by category, concept and threshold, their images and masks; and the effect of ablating units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from cnnlab._validation import one_of
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import ASIDE, colour_legend, draw_lines, draw_table, finish, name_ticks
from cnnlab.figures.colours import LINES
from cnnlab.units import DETECTOR_IOU, AblationResult, Dissection, UnitReport
from cnnlab.world import NAMES

CATEGORY_COLOURS = dict(
    zip(NAMES, ("#1f5fa8", "#e07b28", "#2f9e77", "#8c6bb1", "#c9a400", "#9b3d5a"), strict=True)
)
"""One colour for each category of concepts."""


def detectors_figure(
    dissections: Mapping[str, Dissection],
    threshold: float = DETECTOR_IOU,
    *,
    unique: bool = True,
    width: float = 8.0,
) -> AltTextFigure:
    """Number of concept detectors of several layers or networks, stacked by category; a black line marks chance.

    With `unique` each concept counts once; else each unit.
    """
    if not dissections:
        raise ValueError("there is nothing to show: give at least one dissection.")
    rows = {name: _by_category(dissection, threshold, unique) for name, dissection in dissections.items()}
    chance_counts = [
        sum(_by_category(dissection.at_chance(), threshold, unique).values())
        for dissection in dissections.values()
    ]
    return category_bars(rows, chance_counts, "unique detectors" if unique else "detectors", width=width)


def category_bars(
    rows: Mapping[str, Mapping[str, int]],
    chance_counts: Sequence[float] | None = None,
    what: str = "unique detectors",
    width: float = 8.0,
) -> AltTextFigure:
    """Counts by category for each name as stacked bars with their totals; a black line across a bar marks chance."""
    totals = {name: sum(row.values()) for name, row in rows.items()}
    alt_text = f"{what.capitalize()}: " + "; ".join(f"{name} {total}" for name, total in totals.items()) + "."
    axis = AltTextFigure(figsize=(width, 3.4), alt_text=alt_text).subplots()
    positions, bottoms = np.arange(len(rows)), np.zeros(len(rows))
    for category, colour in CATEGORY_COLOURS.items():
        counts = np.array([row.get(category, 0) for row in rows.values()], dtype=float)
        style = {"color": colour, "label": category, "edgecolor": "white", "linewidth": 0.6}
        bars = axis.bar(positions, counts, 0.66, bottom=bottoms, **style)
        bottoms += counts
    axis.bar_label(bars, list(map(str, totals.values())), padding=2, fontsize=9)
    if chance_counts is not None:
        ends = positions - 0.4, positions + 0.4
        axis.hlines(chance_counts, *ends, color="black", linewidth=2, label="by chance", zorder=3)
    name_ticks(axis, list(rows), 35 if max(map(len, rows)) * len(rows) > 12 * width else 0)
    top = 1.12 * max(bottoms.max(), 1)
    return finish(axis, "", what, grid="y", legend=ASIDE | {"reverse": True}, ylim=(0, top))


def concepts_figure(
    dissection: Dissection, threshold: float = DETECTOR_IOU, max_concepts: int = 36, width: float = 10.0
) -> AltTextFigure:
    """Number of units that detect each concept: a bar for each concept with a detector, coloured by category."""
    units = dissection.units_of(threshold)
    detectors = sum(map(len, units.values()))
    title = f"{dissection.layer}: {detectors} of {len(dissection.iou)} units are detectors, of {len(units)} concepts (IoU > {threshold:g})"
    bars = list(units.items())[:max_concepts]
    names = ", ".join(f"{concept} {len(unit_ids)}" for (_, concept), unit_ids in bars[:8])
    figure = AltTextFigure(figsize=(width, 3.3), alt_text=f"{title}. Most units: {names or 'none'}.")
    axis = figure.subplots()
    colours = {category: CATEGORY_COLOURS[category] for (category, _), _ in bars}
    counts = [len(unit_ids) for _, unit_ids in bars]
    axis.bar(range(len(bars)), counts, color=[colours[category] for (category, _), _ in bars])
    name_ticks(axis, [concept for (_, concept), _ in bars], 60)
    finish(axis, "", "units", grid="y", legend=None, xlim=(-0.7, max(len(bars), 1) - 0.3))
    axis.set_title(title, fontsize=11, loc="left")
    colour_legend(axis, colours)
    return figure


def threshold_figure(
    dissections: Mapping[str, Dissection],
    *,
    unique: bool = False,
    max_threshold: float = 0.3,
    width: float = 8.0,
) -> AltTextFigure:
    """Number of detectors (or unique detectors) against the IoU threshold; dotted for chance: the masks of other images."""
    if not dissections:
        raise ValueError("there is nothing to show: give at least one dissection.")
    steps = np.linspace(0.01, max_threshold, 59)
    what = "unique detectors" if unique else "share of units that are detectors"
    sentences = [
        f"{name} {_count_above(dissection, DETECTOR_IOU, unique):.2f}"
        for name, dissection in dissections.items()
    ]
    alt_text = f"{what.capitalize()} against the threshold of the overlap; at {DETECTOR_IOU:g}: {'; '.join(sentences)}. Dotted by chance."
    axis = AltTextFigure(figsize=(width, 3.4), alt_text=alt_text).subplots()
    curves, chance = (
        {name: (steps, [_count_above(d, float(step), unique) for step in steps]) for name, d in found.items()}
        for found in (dissections, {name: d.at_chance() for name, d in dissections.items()})
    )
    draw_lines(axis, curves, [(colour, "-", mark) for colour, _, mark in LINES], markevery=6)
    draw_lines(axis, chance, [(colour, ":", "") for colour, *_ in LINES], label=None)
    axis.plot([], [], ":", color="0.4", linewidth=1.8, label="by chance")
    axis.axvline(DETECTOR_IOU, color="0.4", linewidth=1)
    place = {"transform": axis.get_xaxis_transform(), "fontsize": 8, "va": "top"}
    axis.text(DETECTOR_IOU, 1.0, f" {DETECTOR_IOU:g}", **place)
    limits = {"xlim": (0, max_threshold), "ylim": (0, None)}
    return finish(axis, "threshold of the overlap (IoU)", what, grid=None, legend={}, **limits)


def report_figure(
    dissection: Dissection, units: Sequence[int], pictures: Tensor, masks: Tensor, columns: int = 2
) -> AltTextFigure:
    """Dissection report: for each unit its concept and IoU, and its strongest images, darkened outside its mask.

    Parameters
    ----------
    dissection
        The result of the dissection.
    units
        U channels.
    pictures, masks
        U x k x 3 x H x W in [0, 1], and U x k x H x W booleans: where the unit passes its threshold.
    columns
        Units side by side.
    """
    units = [int(unit) for unit in units]
    if not units or len(pictures) != len(units) or pictures.shape[:2] != masks.shape[:2]:
        raise ValueError("give units, and for each as many pictures as masks.")
    reports = {report.unit: report for report in dissection.rows()}
    titles = [_unit_words(reports[unit]) for unit in units]
    k, (high, wide) = pictures.shape[1], pictures.shape[-2:]
    rows = -(-len(units) // columns)
    cell = 12.0 / columns
    figure = AltTextFigure(
        figsize=(12.0, rows * (cell / k * high / wide + 0.32)),
        alt_text=f"Dissection report of {dissection.layer}: {'; '.join(titles)}.",
    )
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, title, images, mask in zip(axes, titles, pictures, masks, strict=False):
        axis.imshow(highlight(images, mask).permute(1, 2, 0).numpy(), interpolation="antialiased")
        axis.set_title(title, fontsize=9, loc="left", pad=3)
    return figure


def highlight(pictures: Tensor, masks: Tensor, dark: float = 0.28) -> Tensor:
    """k images in a row, 3 x H x (k W), darkened outside their masks, with white lines between them."""
    light = torch.where(masks[:, None], 1.0, dark)
    result = pictures * light
    result[:-1, :, :, -2:] = 1.0
    return torch.cat(list(result), dim=2)


def ablation_figure(
    accuracies: AblationResult,
    class_names: Sequence[str],
    labels: Sequence[str] | None = None,
    what: str = "logit_change",
) -> AltTextFigure:
    """Effect of ablating units on each class: a row for each unit or group, a column for each class, the largest fall in numbers.

    `what` is "logit_change" (change of the class's own logit) or "change" (of its accuracy).
    """
    names = (
        [f"unit {', '.join(map(str, group))}" for group in accuracies.units]
        if labels is None
        else list(labels)
    )
    if len(names) != len(accuracies.units):
        raise ValueError(
            f"{len(accuracies.units)} units or groups were ablated, but {len(names)} labels came."
        )
    label = {"logit_change": "change of the own logit", "change": "change of accuracy"}[
        one_of(what, ("logit_change", "change"), "what")
    ]
    change = (accuracies.logit_change if what == "logit_change" else accuracies.change).nan_to_num().numpy()
    largest = max(float(np.abs(change).max()), 0.01)
    drops = [
        f"{name}: {class_names[int(row.argmin())]}"
        for name, row in zip(names, change, strict=True)
        if row.min() < 0
    ]
    figure = AltTextFigure(
        figsize=(10, 1.5 + 0.3 * len(names)),
        alt_text=f"{label.capitalize()} by class, a row for each ablation; what falls most, {'; '.join(drops) or 'nothing'}.",
    )
    axis = figure.subplots()
    worst = np.arange(change.shape[1]) == change.argmin(1)[:, None]
    written = np.where(worst & (change < 0), np.char.mod("%+.2f", change), "")
    style = {"slant": 45, "cmap": "PuOr", "vmin": -largest, "vmax": largest}
    heatmap = draw_table(axis, change, written, names, class_names, **style)
    figure.colorbar(heatmap, ax=axis, label=label, shrink=0.9)
    return figure


def _by_category(dissection: Dissection, threshold: float, unique: bool) -> dict[str, int]:
    categories = dict.fromkeys(dissection.categories)
    if unique:
        return {category: dissection.unique_detectors(threshold, category) for category in categories}
    return {category: int(dissection.detectors(threshold, category).sum()) for category in categories}


def _count_above(dissection: Dissection, threshold: float, unique: bool) -> float:
    """Concepts with a detector above the threshold, or the share of units that are one."""
    if unique:
        return float(dissection.unique_detectors(threshold))
    return float(dissection.detectors(threshold).double().mean())


def _unit_words(report: UnitReport) -> str:
    return (
        f"unit {report.unit}  {report.concept} ({report.category})"
        f"  IoU {report.iou:.2f}, by chance {report.chance_iou:.2f}"
    )
