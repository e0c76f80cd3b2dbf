"""Pictures that were attacked, and what is left of a network's accuracy: by strength, by defence, and in a linear classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from torch import Tensor, nn

from cnnlab.figures.colours import LINES
from cnnlab.figures.plate import Plate
from cnnlab.inputs import image_batch

BEFORE, AFTER = "#b0bec5", "#1976d2"


def amplified(change: Tensor, gain: float) -> Tensor:
    """A change of a picture, in [-1, 1], made visible: grey where there is none, `gain` times as strong elsewhere."""
    return (0.5 + gain * change / 2).clamp(0, 1)


def attack_figure(
    images: Tensor,
    attacked: Tensor,
    before: Tensor,
    after: Tensor,
    class_names: Sequence[str],
    *,
    gain: float | None = None,
) -> Plate:
    """A row for each picture: as it is, the change, the attacked picture, and the probabilities of the likeliest classes.

    Parameters
    ----------
    images, attacked
        N x 3 x H x W in [0, 1] each.
    before, after
        N x C probabilities.
    class_names
        The C classes.
    gain
        By how much the change is amplified; None for the largest at which no value is cut off.

    Raises
    ------
    ValueError
        If the pictures are not as many as the probabilities.
    """
    images, attacked = image_batch(images)[0].cpu(), image_batch(attacked, "attacked")[0].cpu()
    if not len(images) == len(attacked) == len(before) == len(after):
        raise ValueError(
            f"give as many pictures as probabilities, but got {len(images)}, {len(attacked)}, {len(before)}, {len(after)}."
        )
    says = [
        (class_names[int(b.argmax())], class_names[int(a.argmax())])
        for b, a in zip(before, after, strict=True)
    ]
    words = "; ".join(f"{old} becomes {new}" if old != new else f"{old} stays" for old, new in says)
    figure = Plate(figsize=(10, 2.25 * len(images)), words=f"Attacked pictures: {words}.")
    axes = figure.subplots(len(images), 4, width_ratios=(1, 1, 1, 1.5), squeeze=False)
    for row, axis in enumerate(axes):
        change = attacked[row] - images[row]
        factor = gain or 1 / max(float(change.abs().max()), 1e-6)
        shown = (images[row], amplified(change, factor), attacked[row])
        titles = (says[row][0], f"the change, x {factor:.0f}", says[row][1])
        for one, picture, title in zip(axis, shown, titles, strict=False):
            one.imshow(picture.permute(1, 2, 0).numpy())
            one.set_title(title, fontsize=10)
            one.set_axis_off()
        _bars(axis[3], before[row], after[row], class_names)
    axes[0, 3].legend(fontsize=8, frameon=False, loc="lower right")
    return figure


def strength_figure(
    recorded: Mapping[str, Mapping[float, float]],
    live: Mapping[str, Mapping[float, float]] | None = None,
    *,
    title: str = "",
) -> Plate:
    """Accuracy against epsilon, a line for each name; rings of the same colour are what was measured live.

    `recorded` and `live` map names to {epsilon in 255ths: accuracy}. A name of `live` that has no line gets rings alone.

    Raises
    ------
    ValueError
        If there is nothing to show.
    """
    live = live or {}
    if not recorded and not live:
        raise ValueError("there is no accuracy to show; give at least one line.")
    said = [
        f"{name} from {list(line.values())[0]:.0%} to {list(line.values())[-1]:.0%}"
        for name, line in recorded.items()
    ]
    figure = Plate(
        figsize=(7.6, 3.4),
        words=f"{title or 'Accuracy against epsilon'}: {'; '.join(said) or ', '.join(live)}.",
    )
    axis = figure.subplots()
    names = list(dict.fromkeys([*recorded, *live]))
    for name, (colour, dashes, mark) in zip(names, LINES * len(names), strict=False):
        if name in recorded:
            axis.plot(*_points(recorded[name]), dashes, marker=mark, color=colour, markersize=5, label=name)
        if name in live:
            label = None if name in recorded else f"{name} (live)"
            axis.plot(*_points(live[name]), "o", mfc="none", color=colour, markersize=11, label=label)
    axis.set(xlabel="epsilon, in steps of 255", ylabel="right", ylim=(-0.03, 1.03), title=title)
    axis.title.set_fontsize(11)
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=9, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def defence_figure(rows: Sequence[Mapping[str, object]], *, title: str = "") -> Plate:
    """Accuracy behind each defence, a bar for each attacker, with intervals where they are known.

    Each row has "defence", "attacker", "accuracy", and "low" and "high" if there is an interval.

    Raises
    ------
    ValueError
        If there is no row.
    """
    if not rows:
        raise ValueError("there is no defence to show; give at least one row.")
    defences = list(dict.fromkeys(row["defence"] for row in rows))
    attackers = list(dict.fromkeys(row["attacker"] for row in rows))
    found = {(row["defence"], row["attacker"]): row for row in rows}
    said = [f"{d}, {a} {found[d, a]['accuracy']:.0%}" for d in defences for a in attackers if (d, a) in found]
    figure = Plate(figsize=(8.4, 3.2), words=f"{title or 'Accuracy behind defences'}: {'; '.join(said)}.")
    axis = figure.subplots()
    wide = 0.8 / len(attackers)
    for number, attacker in enumerate(attackers):
        own = [(place, found[d, attacker]) for place, d in enumerate(defences) if (d, attacker) in found]
        places = [place + (number - (len(attackers) - 1) / 2) * wide for place, _ in own]
        heights = [row["accuracy"] for _, row in own]
        colour, hatch = (("#b0bec5", ""), ("#64b5f6", "//"), ("#0d47a1", ""), ("#e65100", "\\\\"))[number % 4]
        axis.bar(
            places, heights, wide * 0.92, color=colour, hatch=hatch, edgecolor="white", label=str(attacker)
        )
        if all("low" in row for _, row in own):
            spread = [
                [h - r["low"] for h, (_, r) in zip(heights, own, strict=True)],
                [r["high"] - h for h, (_, r) in zip(heights, own, strict=True)],
            ]
            axis.errorbar(
                places,
                heights,
                np.clip(spread, 0, None),
                fmt="none",
                ecolor="#37474f",
                elinewidth=1,
                capsize=2,
            )
    axis.set_xticks(range(len(defences)), defences)
    axis.set(ylabel="right", ylim=(0, 1.03), title=title)
    axis.title.set_fontsize(11)
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(title="attacker", fontsize=9, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def linear_figure(model: nn.Module, image: Tensor, attacked: Tensor, sums: Tensor) -> Plate:
    """A linear classifier fooled: its weight picture, the picture before and after, and the margin as the small changes add up.

    `model` is of `cnnlab.robustness.linear_classifier` with two classes, `sums` of `small_changes`.
    """
    weight = (model[1].weight[1] - model[1].weight[0]).detach().view(image.shape)
    names = model.class_names
    with torch.inference_mode():
        says = [names[int(model(one[None]).argmax())] for one in (image, attacked)]
    words = f"Weights of a linear classifier; a picture that it calls {says[0]} and, changed, {says[1]}; how the margin falls."
    figure = Plate(figsize=(10, 2.7), words=words)
    axes = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.5))
    scale = float(weight.abs().quantile(0.995))
    shown = (amplified(weight / scale, 1), image, attacked)
    titles = (f"weights: {names[1]} against {names[0]}", f"says {says[0]}", f"says {says[1]}")
    for axis, picture, title in zip(axes, shown, titles, strict=False):
        axis.imshow(picture.permute(1, 2, 0).numpy())
        axis.set_title(title, fontsize=9)
        # Not set_axis_off, which takes the title out of the layout.
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    curve = axes[3]
    curve.plot(sums.numpy(), color=AFTER)
    curve.axhline(0, color="#37474f", linewidth=0.8)
    curve.set(xlabel="values changed, the most telling first", ylabel="margin")
    curve.xaxis.label.set_fontsize(9)
    curve.spines[["top", "right"]].set_visible(False)
    return figure


def _points(line: Mapping[float, float]) -> tuple[list[float], list[float]]:
    places = sorted(line)
    return places, [line[place] for place in places]


def _bars(axis: Axes, before: Tensor, after: Tensor, class_names: Sequence[str], count: int = 4) -> None:
    """The likeliest classes of both, with a bar for each."""
    chosen = torch.maximum(before, after).argsort(descending=True, stable=True)[:count].tolist()
    places = np.arange(len(chosen))
    for shift, values, colour, label in ((-0.19, before, BEFORE, "before"), (0.19, after, AFTER, "after")):
        axis.barh(places + shift, [float(values[i]) for i in chosen], 0.36, color=colour, label=label)
    axis.set_yticks(places, [class_names[i] for i in chosen], fontsize=9)
    axis.set(xlim=(0, 1), ylim=(len(chosen) - 0.5, -0.5))
    axis.tick_params(axis="x", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
