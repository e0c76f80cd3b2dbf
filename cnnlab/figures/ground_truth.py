"""A rendered picture beside everything that is known of it."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Patch

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.world import NAMES, Picture

# Okabe & Ito (2008): told apart by all common kinds of colour vision, and in grey by their lightness.
_PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999")
_NONE = "#f2f2f2"
_OWN = {  # colours are shown as themselves
    **{
        "black": "#111111",
        "grey": "#8c8c8c",
        "white": "#ffffff",
        "red": "#c81e1e",
        "orange": "#f08c1e",
        "yellow": "#f0dc32",
    },
    **{"green": "#2d8c32", "blue": "#3c78d2", "purple": "#823cb4", "pink": "#f08cc8", "brown": "#784b23"},
}


def ground_truth_figure(picture: Picture) -> AltTextFigure:
    """The picture and its six maps; under each map the names that it uses, the most frequent first (at most eight)."""
    figure = AltTextFigure(figsize=(10, 8.0), alt_text=describe_ground_truth(picture))
    figure.get_layout_engine().set(h_pad=0.08)  # inches: the legends end below the maps
    axes = figure.subplots(2, 4).ravel()
    axes[0].imshow(picture.image.permute(1, 2, 0).numpy(), interpolation="nearest")
    axes[0].set_title(f"{picture.recipe.shape}, {picture.recipe.scene}")
    for axis, category in zip(axes[1:7], NAMES, strict=True):
        _map(axis, getattr(picture, category).numpy(), category)
    axes[7].text(0, 1, _recipe_text(picture), va="top", family="monospace", fontsize=10)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    axes[7].set_axis_off()
    axes[7].set_title("recipe", loc="left")
    return figure


def describe_ground_truth(picture: Picture) -> str:
    """One sentence that tells the picture to whoever cannot see it."""
    top, left, bottom, right = picture.box
    share = float(picture.mask().float().mean())
    return (
        f"A rendered {picture.recipe.shape} in the scene {picture.recipe.scene}; it covers {share:.0%} of the picture,"
        f" rows {top} to {bottom}, columns {left} to {right}."
    )


def _map(axis, indices: np.ndarray, category: str) -> None:
    counts = np.bincount(indices.ravel(), minlength=len(NAMES[category]))
    named = [index for index in np.argsort(-counts) if counts[index] and index]
    colours = np.zeros((len(counts), 3))
    colours[:] = _rgb("#c8c8c8")  # named, but too small for the legend
    colours[0] = _rgb(_NONE)
    entries = named[: len(_PALETTE)]
    for index, colour in zip(entries, _PALETTE, strict=False):
        colours[index] = _rgb(_OWN[NAMES[category][index]] if category == "colour" else colour)
    axis.imshow(colours[indices], interpolation="nearest")
    axis.set_title(category)
    handles = [
        Patch(facecolor=colours[index], edgecolor="0.4", label=NAMES[category][index]) for index in entries
    ]
    axis.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.02),
        ncols=2,
        fontsize=10,
        frameon=False,
        handlelength=1.2,
    )


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _recipe_text(picture: Picture) -> str:
    return "\n".join(f"{name:9} {_short(value)}" for name, value in picture.recipe.as_dict().items())


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value) or "-"
    return str(value)
