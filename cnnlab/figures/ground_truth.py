"""A rendered picture beside its ground truth."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import bare, colour_legend, show_image
from cnnlab.world import NAMES, Picture

# Okabe & Ito (2008): safe for all common kinds of colour vision; they also differ in lightness.
_PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999")
_NONE = "#f2f2f2"
_OWN = {  # colours are shown as themselves
    **{"black": "#111111", "grey": "#8c8c8c", "white": "#ffffff", "red": "#c81e1e", "orange": "#f08c1e"},
    **{"yellow": "#f0dc32", "green": "#2d8c32", "blue": "#3c78d2", "purple": "#823cb4", "pink": "#f08cc8"},
    **{"brown": "#784b23"},
}


def ground_truth_figure(picture: Picture) -> AltTextFigure:
    """A rendered picture, its six ground-truth maps and its recipe; below each map its (at most eight) most frequent names."""
    figure = AltTextFigure(figsize=(10, 8.0), alt_text=describe_ground_truth(picture))
    figure.get_layout_engine().set(h_pad=0.08)  # inches: the legends end below the maps
    axes = figure.subplots(2, 4).ravel()
    title = f"{picture.recipe.shape}, {picture.recipe.scene}"
    show_image(axes[0], picture.image, title, interpolation="nearest")
    for axis, category in zip(axes[1:7], NAMES, strict=True):
        _map(axis, getattr(picture, category).numpy(), category)
    axes[7].text(0, 1, _recipe_text(picture), va="top", family="monospace", fontsize=10)
    axes[7].set_axis_off()
    axes[7].set_title("recipe", loc="left")
    return figure


def describe_ground_truth(picture: Picture) -> str:
    """The picture in one sentence, for readers who cannot see it."""
    top, left, bottom, right = picture.box
    share = float(picture.mask().float().mean())
    return (
        f"A rendered {picture.recipe.shape} in the scene {picture.recipe.scene}; it covers {share:.0%} of the picture,"
        f" rows {top} to {bottom}, columns {left} to {right}."
    )


def _map(axis, indices: np.ndarray, category: str) -> None:
    counts = np.bincount(indices.ravel(), minlength=len(NAMES[category]))
    named = [index for index in np.argsort(-counts) if counts[index] and index]
    colours = np.full((len(counts), 3), to_rgb("#c8c8c8"))  # named, but too small for the legend
    colours[0] = to_rgb(_NONE)
    legend = {}
    for index, colour in zip(named, _PALETTE, strict=False):
        name = NAMES[category][index]
        legend[name] = colours[index] = to_rgb(_OWN[name] if category == "colour" else colour)
    axis.imshow(colours[indices], interpolation="nearest")
    bare(axis, category, 11)
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.02), "ncols": 2, "handlelength": 1.2}
    colour_legend(axis, legend, fontsize=10, **below)


def _recipe_text(picture: Picture) -> str:
    return "\n".join(f"{name:9} {_short(value)}" for name, value in picture.recipe.as_dict().items())


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value) or "-"
    return str(value)
