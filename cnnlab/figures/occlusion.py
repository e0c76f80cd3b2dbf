"""What occlusion found: the map of probabilities, the map of the class that is predicted instead, and maps side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from torch import Tensor

from cnnlab.attribution import OcclusionMap
from cnnlab.figures.colours import PROBABILITY, SIGNED, class_colours
from cnnlab.figures.plate import Plate
from cnnlab.world import Picture


def occlusion_figure(picture: Picture | Tensor, found: OcclusionMap, class_names: Sequence[str]) -> Plate:
    """Four panels: the picture, the target's probability at each place, the drop laid over the picture, the class predicted instead.

    Maps are drawn where the *centre* of the occluder was. The probability has the fixed range 0 to 1, so that a flat map looks
    flat; the drop is signed and symmetric about 0, its range written at the colour bar. A rendered picture
    brings the true outline of its object.
    """
    image, mask = (picture.image, picture.mask()) if isinstance(picture, Picture) else (picture, None)
    name = class_names[found.target]
    figure = Plate(figsize=(11.5, 3.5), words=describe_occlusion(found, class_names))
    plain, probability, drop, instead = figure.subplots(1, 4)
    _show(plain, image, f"{name}: {found.baseline:.2f} uncovered")
    _frame(probability, image, f"probability of {name}")
    span = {"extent": _extent(found), "interpolation": "nearest"}
    shown = probability.imshow(found.probability.numpy(), cmap=PROBABILITY, vmin=0, vmax=1, **span)
    _scale(probability, shown, "by the occluder's centre")
    _drop(drop, image, mask, found)
    _scale(drop, drop.images[-1], "mean drop of the probability")
    _instead(instead, image, found, class_names)
    for axis in (probability, instead):
        axis.set(xlim=(-0.5, image.shape[-1] - 0.5), ylim=(image.shape[-2] - 0.5, -0.5))
    return figure


def drop_figure(
    picture: Picture | Tensor, maps: Sequence[OcclusionMap], captions: Sequence[str], columns: int = 4
) -> Plate:
    """The drops of several maps of one picture, laid over it; each has its own range, written below it."""
    image, mask = (picture.image, picture.mask()) if isinstance(picture, Picture) else (picture, None)
    rows = -(-len(maps) // columns)
    words = f"{len(maps)} maps of the drop, laid over the same picture: {'; '.join(captions)}."
    figure = Plate(figsize=(2.4 * columns, 2.75 * rows), words=words)
    for axis in figure.subplots(rows, columns, squeeze=False).flat:
        axis.set_visible(False)
    for axis, found, caption in zip(figure.axes, maps, captions, strict=False):
        axis.set_visible(True)
        _drop(axis, image, mask, found)
        axis.set_title(caption, fontsize=10)
        axis.set_xlabel(f"up to {np.nanmax(found.to_pixels()):.2f}", fontsize=9)
    return figure


def describe_occlusion(found: OcclusionMap, class_names: Sequence[str]) -> str:
    """The map in a sentence or two, without measured digits."""
    name = class_names[found.target]
    row, column = divmod(int(found.probability.nan_to_num(nan=np.inf).argmin()), len(found.columns))
    down, across = (
        _third(row, len(found.rows), "upper", "lower"),
        _third(column, len(found.columns), "left", "right"),
    )
    where = "middle" if down == across else f"{down} {across}"
    others = found.predicted[(found.predicted >= 0) & (found.predicted != found.target)]
    takeover = "The predicted class never changes."
    if len(others):
        takeover = f"At some places {class_names[int(others.mode().values)]} is predicted instead."
    return f"Occlusion map of {name}: the probability is lowest with the occluder at the {where} of the picture. {takeover}"


def _third(index: int, count: int, first: str, last: str) -> str:
    return (first, "middle", last)[min(2, 3 * index // count)]


def _extent(found: OcclusionMap) -> tuple[float, float, float, float]:
    """Where the map lies in pixels when each place stands at the centre of its occluder: left, right, bottom, top."""
    half = found.size / 2 - 0.5
    left, right = float(found.columns[0]) + half, float(found.columns[-1]) + half
    top, bottom = float(found.rows[0]) + half, float(found.rows[-1]) + half
    wide, high = (
        (right - left) / max(len(found.columns) - 1, 1) / 2,
        (bottom - top) / max(len(found.rows) - 1, 1) / 2,
    )
    wide, high = wide or found.size / 2, high or found.size / 2
    return left - wide, right + wide, bottom + high, top - high


def _show(axis: Axes, image: Tensor, title: str) -> None:
    axis.imshow(image.detach().cpu().permute(1, 2, 0).numpy(), interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=11)


def _frame(axis: Axes, image: Tensor, title: str) -> None:
    """An axis with the picture in grey behind, so that a map stands where it belongs."""
    _show(axis, image, title)
    grey = image.detach().cpu().mean(dim=0).numpy()
    axis.images[0].set(data=np.repeat((0.35 + 0.6 * grey)[:, :, None].clip(0, 1), 3, axis=2))


def _drop(axis: Axes, image: Tensor, mask: Tensor | None, found: OcclusionMap) -> None:
    _frame(axis, image, "drop" + ("" if mask is None else " (line: the truth)"))
    pixels = found.to_pixels().numpy()
    most = max(float(np.nanmax(np.abs(pixels))), 1e-6)
    strength = np.nan_to_num(np.abs(pixels) / most)
    axis.imshow(
        pixels, cmap=SIGNED, vmin=-most, vmax=most, alpha=0.15 + 0.7 * strength, interpolation="nearest"
    )
    if mask is not None and mask.any():
        axis.contour(mask.float().numpy(), levels=[0.5], colors="black", linewidths=2.2)
        axis.contour(mask.float().numpy(), levels=[0.5], colors="white", linewidths=1.0)


def _scale(axis: Axes, shown: AxesImage, label: str) -> None:
    """A colour bar below the panel, as wide as it, so that all panels stay equally large."""
    place = axis.inset_axes((0.0, -0.1, 1.0, 0.05))
    axis.figure.colorbar(shown, cax=place, orientation="horizontal").set_label(label, fontsize=9)
    place.tick_params(labelsize=8)


def _instead(axis: Axes, image: Tensor, found: OcclusionMap, class_names: Sequence[str]) -> None:
    _frame(axis, image, "predicted class")
    predicted = found.predicted.numpy()
    axis.imshow(class_colours(predicted), extent=_extent(found), interpolation="nearest", alpha=0.9)
    classes, counts = np.unique(predicted[predicted >= 0], return_counts=True)
    handles = [
        Patch(facecolor=class_colours(classes[i]), edgecolor="0.3", label=class_names[classes[i]])
        for i in np.argsort(-counts)[:6]
    ]
    axis.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=2, fontsize=8, frameon=False
    )
