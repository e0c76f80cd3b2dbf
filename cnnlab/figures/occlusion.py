"""Occlusion maps: the probability, its drop, and the predicted class by position of the occluder; and maps side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from cnnlab.attribution import OcclusionMap
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import colour_legend, colour_scale, outline, pale_grey, show_image
from cnnlab.figures.colours import PROBABILITY, SIGNED, class_colours
from cnnlab.figures.palette_png import symmetric_range
from cnnlab.world import Picture

_MIN_RANGE = 0.1
"""Drops are coloured over at least this range, so that a map of tiny drops looks flat."""


def occlusion_figure(
    picture: Picture | Tensor,
    occlusion_map: OcclusionMap,
    class_names: Sequence[str],
    mask: Tensor | None = None,
) -> AltTextFigure:
    """Occlusion in four panels: the image, the target's probability, its drop over the image, and the predicted class.

    In the maps of probability and class each position of the occluder is drawn at its *centre*. The probability has the fixed range
    0 to 1, so that a flat map looks flat, with the actual range written below; the drop (`to_pixels`) is signed and symmetric about 0.
    Positions that are not computed yet stay empty. `mask` (H x W bool) is outlined; a rendered picture brings the mask of its main
    object.
    """
    image, mask = _with_mask(picture, mask)
    name = class_names[occlusion_map.target]
    figure = AltTextFigure(figsize=(10.3, 3.6), alt_text=describe_occlusion(occlusion_map, class_names))
    plain, probability, drop, new_class = figure.subplots(1, 4, subplot_kw={"anchor": "N"})
    show_image(plain, image, f"{name}: {occlusion_map.baseline:.2f} uncovered")
    _show_grey(probability, image, f"probability of {name}")
    computed = occlusion_map.probability[~occlusion_map.probability.isnan()]
    span = f"{computed.min():.2f} to {computed.max():.2f}" if len(computed) else "nothing yet"
    cells = _cells(
        probability, occlusion_map, occlusion_map.probability.numpy(), cmap=PROBABILITY, vmin=0, vmax=1
    )
    _scale(probability, cells, f"{span}, by the centre")
    _show_grey(drop, image, "drop" if mask is None else "drop (line: the truth)")
    _scale(drop, _drop(drop, occlusion_map.to_pixels(), mask), "mean drop of the probability")
    _new_class(new_class, image, occlusion_map, class_names)
    for axis in (probability, new_class):
        axis.set(xlim=(-0.5, image.shape[-1] - 0.5), ylim=(image.shape[-2] - 0.5, -0.5))
        outline(axis, mask)
    return figure


def drop_figure(
    picture: Picture | Tensor,
    maps: Sequence[OcclusionMap],
    captions: Sequence[str],
    columns: int = 4,
    mask: Tensor | None = None,
) -> AltTextFigure:
    """Drops of several occlusion maps over the same image, on one colour scale; the largest drop is given below each.

    With one scale for all a weak map looks weak beside a strong one.
    """
    image, mask = _with_mask(picture, mask)
    if not maps or len(captions) != len(maps):
        raise ValueError(
            f"give maps and as many captions, but {len(maps)} maps and {len(captions)} captions came."
        )
    drops = [occlusion_map.to_pixels() for occlusion_map in maps]
    limit = max(symmetric_range(drop, _MIN_RANGE)[1] for drop in drops)
    alt_text = f"{len(maps)} maps of the drop, laid over the same picture: {'; '.join(captions)}."
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    height = rows * (2.4 * image.shape[-2] / image.shape[-1] + 0.4) + 0.65
    figure = AltTextFigure(figsize=(2.4 * columns, height), alt_text=alt_text)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(maps) :]:
        axis.set_axis_off()
    for axis, drop, caption in zip(axes, drops, captions, strict=False):
        _show_grey(axis, image, caption)
        mappable = _drop(axis, drop, mask, limit)
        axis.set_xlabel(f"up to {np.nanmax(drop.numpy()):.2f}", fontsize=9, labelpad=2)
    place = {"orientation": "horizontal", "shrink": 0.6, "aspect": 30, "pad": 0.02}
    _label_bar(figure.colorbar(mappable, ax=axes, **place), "mean drop of the probability")
    return figure


def describe_occlusion(occlusion_map: OcclusionMap, class_names: Sequence[str]) -> str:
    """The occlusion map in a sentence or two, without measured numbers."""
    name = class_names[occlusion_map.target]
    if not occlusion_map.fraction_done:
        return f"Occlusion map of {name}: no place of the occluder is computed yet."
    lowest = int(occlusion_map.probability.nan_to_num(nan=np.inf).argmin())
    row, column = divmod(lowest, len(occlusion_map.columns))
    down = _third(row, len(occlusion_map.rows), "upper", "lower")
    across = _third(column, len(occlusion_map.columns), "left", "right")
    where = "middle" if down == across else f"{down} {across}"
    predicted = occlusion_map.predicted
    other_classes = predicted[(predicted >= 0) & (predicted != occlusion_map.target)]
    takeover = "The predicted class never changes."
    if len(other_classes):
        takeover = f"At some places {class_names[int(other_classes.mode().values)]} is predicted instead."
    return f"Occlusion map of {name}: the probability is lowest with the occluder at the {where} of the picture. {takeover}"


def _third(index: int, count: int, first: str, last: str) -> str:
    return (first, "middle", last)[min(2, 3 * index // count)]


def _with_mask(picture: Picture | Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    image = picture if isinstance(picture, Tensor) else picture.image
    if mask is None and not isinstance(picture, Tensor):
        mask = picture.mask()
    return image, mask if mask is not None and mask.any() else None


def _show_grey(axis: Axes, image: Tensor, title: str) -> None:
    """The image in pale grey, as the background of a map."""
    show_image(axis, pale_grey(image, 0.35, 0.95), title)


def _cells(axis: Axes, occlusion_map: OcclusionMap, values: np.ndarray, **style) -> ScalarMappable:
    """Draw one cell around the centre of each occluder position, with borders half way between two positions.

    An image if all cells have the same size; a mesh if the last position was moved back and its cell is narrower.
    """
    across, down = (
        _edges(starts.numpy() + occlusion_map.size / 2 - 0.5, occlusion_map.size)
        for starts in (occlusion_map.columns, occlusion_map.rows)
    )
    if all(np.allclose(np.diff(edges), edges[1] - edges[0]) for edges in (across, down)):
        extent = (across[0], across[-1], down[-1], down[0])
        return axis.imshow(values, extent=extent, interpolation="nearest", **style)
    if "alpha" in style:  # meshes take the opacity of colours as a fourth channel
        values = np.concatenate([values, style.pop("alpha")[..., None]], axis=2)
    return axis.pcolormesh(across, down, values, rasterized=True, **style)


def _edges(centres: np.ndarray, size: int) -> np.ndarray:
    """n + 1 borders of n cells; a single one is as wide as the occluder."""
    if len(centres) == 1:
        return centres[0] + np.array([-size / 2, size / 2])
    between = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - between[0]], between, [2 * centres[-1] - between[-1]]])


def _drop(axis: Axes, pixels: Tensor, mask: Tensor | None, limit: float | None = None) -> ScalarMappable:
    """Draw the drop over the image, more opaque where it is stronger; `limit` is the end of the colour range."""
    limit = symmetric_range(pixels, _MIN_RANGE)[1] if limit is None else limit
    strength = (pixels.abs() / limit).nan_to_num(nan=0.0).clamp(max=1).numpy()
    veil = np.where(pixels.isnan(), 0.0, 0.9 * np.sqrt(strength))
    axis.imshow(pixels.numpy(), cmap=SIGNED, vmin=-limit, vmax=limit, alpha=veil, interpolation="nearest")
    outline(axis, mask)
    return colour_scale(-limit, limit, SIGNED)


def _scale(axis: Axes, mappable: ScalarMappable, label: str) -> None:
    """A colour bar below the panel and a little narrower, so that all panels stay equally large and numbers at the ends apart."""
    place = axis.inset_axes((0.05, -0.1, 0.9, 0.05))
    _label_bar(axis.figure.colorbar(mappable, cax=place, orientation="horizontal"), label)


def _label_bar(bar: Colorbar, label: str) -> None:
    bar.set_label(label, fontsize=9)
    bar.ax.xaxis.set_major_locator(MaxNLocator(5, prune="both" if bar.vmin < 0 else None))
    bar.ax.tick_params(labelsize=8)


def _new_class(
    axis: Axes, image: Tensor, occlusion_map: OcclusionMap, class_names: Sequence[str], max_classes: int = 6
) -> None:
    """The predicted class at each position: colours with a legend, and names with their share on the larger regions."""
    _show_grey(axis, image, "predicted class")
    predicted = occlusion_map.predicted.numpy()
    _cells(axis, occlusion_map, class_colours(predicted), alpha=np.where(predicted < 0, 0.0, 0.9))
    classes, counts = np.unique(predicted[predicted >= 0], return_counts=True)
    legend = {}
    for index in np.argsort(-counts, kind="stable")[:max_classes]:
        name, share = _short(class_names[classes[index]]), counts[index] / counts.sum()
        legend[name] = class_colours(classes[index])
        if counts[index] > 0.04 * predicted.size:
            _name(axis, occlusion_map, predicted == classes[index], f"{name} {share:.0%}")
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.04), "ncols": 2}
    colour_legend(axis, legend, fontsize=8, **below)


def _name(axis: Axes, occlusion_map: OcclusionMap, region: np.ndarray, name: str) -> None:
    """Write the name into the middle of a region of the map."""
    row, column = _interior_point(region)
    half = occlusion_map.size / 2
    across, down = occlusion_map.columns[column] + half, occlusion_map.rows[row] + half
    label = axis.text(across, down, name, size=8, ha="center", va="center")
    label.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _interior_point(region: np.ndarray) -> tuple[int, int]:
    """The position deepest inside the region: the last to survive when the border is removed again and again."""
    while True:
        padded = np.pad(region, 1)
        inner = region & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        if not inner.any():
            candidates = np.argwhere(region)
            return tuple(candidates[len(candidates) // 2])
        region = inner


def _short(name: str, max_length: int = 18) -> str:
    return name if len(name) <= max_length else name[: max_length - 1] + "…"
