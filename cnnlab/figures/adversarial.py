"""Adversarial examples, and accuracy under attack: by epsilon, by defence, and for a linear classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from cnnlab._validation import image_batch
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import ASIDE, draw_bars, draw_lines, finish, show_image

BEFORE, AFTER = "#b0bec5", "#1976d2"


def amplify_difference(change: Tensor, gain: float) -> Tensor:
    """A difference of two images, in [-1, 1], made visible: grey where it is zero, `gain` times as strong elsewhere."""
    return (0.5 + gain * change / 2).clamp(0, 1)


def attack_figure(
    images: Tensor,
    attacked: Tensor,
    before: Tensor,
    after: Tensor,
    class_names: Sequence[str],
    *,
    gain: float | None = None,
) -> AltTextFigure:
    """Adversarial examples, a row each: the image, the amplified change, the attacked image, the most probable classes.

    Parameters
    ----------
    images, attacked
        N x 3 x H x W in [0, 1] each.
    before, after
        N x C probabilities.
    class_names
        The C classes.
    gain
        Amplification of the change; None for the largest that clips no value.

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
    changes = [
        (class_names[int(b.argmax())], class_names[int(a.argmax())])
        for b, a in zip(before, after, strict=True)
    ]
    alt_text = "; ".join(f"{old} becomes {new}" if old != new else f"{old} stays" for old, new in changes)
    size = {"figsize": (10, 2.25 * len(images)), "dpi": 100}
    figure = AltTextFigure(**size, alt_text=f"Attacked pictures: {alt_text}.")
    axes = figure.subplots(len(images), 4, width_ratios=(1, 1, 1, 1.5), squeeze=False)
    for row, axis in enumerate(axes):
        change = attacked[row] - images[row]
        factor = gain or 1 / max(float(change.abs().max()), 1e-6)
        panels = (images[row], amplify_difference(change, factor), attacked[row])
        titles = (changes[row][0], f"the change, x {factor:.0f}", changes[row][1])
        for panel, picture, title in zip(axis, panels, titles, strict=False):
            show_image(panel, picture, title, 10)
        _probability_bars(axis[3], before[row], after[row], class_names)
    axes[0, 3].legend(fontsize=8, frameon=False, loc="lower right")
    return figure


def strength_figure(
    recorded: Mapping[str, Mapping[float, float]],
    live: Mapping[str, Mapping[float, float]] | None = None,
    *,
    title: str = "",
) -> AltTextFigure:
    """Accuracy against epsilon, a line for each name; rings of the same colour are live measurements.

    `recorded` and `live` map names to {epsilon in 255ths: accuracy}. A name of `live` that has no line gets rings alone.

    Raises
    ------
    ValueError
        If there is nothing to show.
    """
    live = live or {}
    if not recorded and not live:
        raise ValueError("there is no accuracy to show; give at least one line.")
    sentences = [
        f"{name} from {list(line.values())[0]:.0%} to {list(line.values())[-1]:.0%}"
        for name, line in recorded.items()
    ]
    axis = AltTextFigure(
        figsize=(7.6, 3.4),
        alt_text=f"{title or 'Accuracy against epsilon'}: {'; '.join(sentences) or ', '.join(live)}.",
    ).subplots()
    curves, rings = (
        {name: tuple(zip(*sorted(line.items()), strict=True)) for name, line in lines.items()}
        for lines in (recorded, live)
    )
    draw_lines(axis, curves, rings=rings)
    return finish(axis, "epsilon, in steps of 255", "accuracy", title, per_cent=True, ylim=(-0.03, 1.03))


def defence_figure(rows: Sequence[Mapping[str, object]], *, title: str = "") -> AltTextFigure:
    """Accuracy of each defence, a bar for each attacker, with intervals where they are known.

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
    by_pair = {(row["defence"], row["attacker"]): row for row in rows}
    sentences = [
        f"{d}, {a} {by_pair[d, a]['accuracy']:.0%}" for d in defences for a in attackers if (d, a) in by_pair
    ]
    axis = AltTextFigure(
        figsize=(8.4, 3.2), alt_text=f"{title or 'Accuracy behind defences'}: {'; '.join(sentences)}."
    ).subplots()
    heights, intervals = {}, {}
    for attacker in attackers:
        entries = [by_pair.get((defence, attacker), {}) for defence in defences]
        accuracy, low, high = (
            np.array([row.get(key, np.nan) for row in entries], dtype=float)
            for key in ("accuracy", "low", "high")
        )
        heights[attacker] = accuracy
        if all("low" in row for row in entries if row):
            intervals[attacker] = np.clip([accuracy - low, high - accuracy], 0, None)
    colours, hatches = ("#b0bec5", "#64b5f6", "#0d47a1", "#e65100"), ("", "//", "", "\\\\")
    draw_bars(axis, defences, heights, colours, hatches=hatches, intervals=intervals)
    legend = ASIDE | {"title": "attacker"}
    return finish(axis, "", "accuracy", title, per_cent=True, grid="y", legend=legend, ylim=(0, 1.03))


def linear_figure(model: nn.Module, image: Tensor, attacked: Tensor, sums: Tensor) -> AltTextFigure:
    """An attack on a linear classifier: its weights, the image before and after, and the margin as the small changes add up.

    `model` comes from `cnnlab.robustness.linear_classifier` with two classes, `sums` from `small_changes`.
    """
    weight = (model[1].weight[1] - model[1].weight[0]).detach().view(image.shape)
    names = model.class_names
    with torch.inference_mode():
        predictions = [names[int(model(version[None]).argmax())] for version in (image, attacked)]
    alt_text = f"Weights of a linear classifier; a picture that it calls {predictions[0]} and, changed, {predictions[1]};"
    alt_text += " how the margin falls."
    figure = AltTextFigure(figsize=(10, 2.7), alt_text=alt_text)
    axes = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.5))
    scale = float(weight.abs().quantile(0.995))
    panels = (amplify_difference(weight / scale, 1), image, attacked)
    titles = (f"weights: {names[1]} against {names[0]}", f"says {predictions[0]}", f"says {predictions[1]}")
    for axis, picture, title in zip(axes, panels, titles, strict=False):
        show_image(axis, picture, title, 9)
    curve = axes[3]
    curve.plot(sums.numpy(), color=AFTER)
    curve.axhline(0, color="#37474f", linewidth=0.8)
    finish(curve, "values changed, the most telling first", "margin", grid=None, legend=None)
    curve.xaxis.label.set_fontsize(9)
    return figure


def _probability_bars(
    axis: Axes, before: Tensor, after: Tensor, class_names: Sequence[str], count: int = 4
) -> None:
    """The most probable classes before and after an attack, with a bar for each."""
    chosen = torch.maximum(before, after).argsort(descending=True, stable=True)[:count].cpu()
    lengths = {"before": before.cpu()[chosen], "after": after.cpu()[chosen]}
    draw_bars(axis, [class_names[i] for i in chosen], lengths, (BEFORE, AFTER), horizontal=True)
    finish(axis, grid=None, legend=None, xlim=(0, 1))
    axis.tick_params(labelsize=8)
