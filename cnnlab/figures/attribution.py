"""Attribution maps, such as saliency and Grad-CAM, beside their images or as overlays, and segments grown from saliency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import colour_scale, outline, pale_grey, show_image, show_map
from cnnlab.figures.colours import SIGNED

RELEVANCE = "viridis"
"""Attribution without a sign."""
_TOP = 0.995
"""The quantile that gets the last colour; with the maximum a single pixel would decide how dark a map is."""


def attribution_figure(
    images: Sequence[Tensor],
    maps: Mapping[str, Tensor],
    masks: Tensor | None = None,
    captions: Sequence[str] = (),
    *,
    width: float = 10.0,
) -> AltTextFigure:
    """Attribution maps: a row for each image, a column for each technique, each panel with its own colour range (given below it).

    Maps N x 3 x H x W are shown as images, with grey for 0, as the papers show deconvnet and guided backpropagation; maps N x H x W
    in colours, signed ones symmetric about 0. `masks` (N x H x W bool) are outlined; `captions` name the rows.
    """
    rows, columns = len(images), 1 + len(maps)
    for name, tensor in maps.items():
        if len(tensor) != rows:
            raise ValueError(f"{rows} pictures came, but {len(tensor)} maps of {name}.")
    cell = width / columns
    named = ", ".join(" ".join(name.split()) for name in maps)
    alt_text = f"{rows} {'picture' if rows == 1 else 'pictures'} and their maps: {named}."
    figure = AltTextFigure(figsize=(width, rows * (cell + 0.2) + 0.4), dpi=72, alt_text=alt_text)
    axes = figure.subplots(rows, columns, squeeze=False)
    for row, image in enumerate(images):
        mask = None if masks is None else masks[row]
        show_image(axes[row, 0], image, "the picture" if row == 0 else "")
        if captions:
            axes[row, 0].set_xlabel(captions[row], fontsize=10, labelpad=2)
        for axis, (name, tensor) in zip(axes[row, 1:], maps.items(), strict=True):
            _map(axis, tensor[row].detach().cpu(), name if row == 0 else "")
            if tensor[row].dim() == 2:
                outline(axis, mask)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    return figure


def overlay_figure(
    images: Sequence[Tensor],
    maps: Sequence[Tensor],
    captions: Sequence[str],
    masks: Sequence[Tensor] | None = None,
    *,
    columns: int = 5,
    label: str = "relevance",
    separate_scales: bool = False,
    width: float = 10.0,
) -> AltTextFigure:
    """An attribution map H x W over each image, more opaque where it is stronger, with one colour bar below.

    All maps share one scale, so that a weak map looks weak; with `separate_scales` each has its own, and colours cannot be compared
    between maps. Negative values are transparent. `masks` are outlined.
    """
    if not len(images) == len(maps) == len(captions) or not len(images):
        raise ValueError(
            f"give as many maps and captions as pictures, not {len(maps)} and {len(captions)} for {len(images)}."
        )
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell = width / columns
    lines = max(caption.count("\n") + 1 for caption in captions)
    height = rows * (cell + 0.24 * lines) + 0.6
    figure = AltTextFigure(figsize=(width, height), dpi=72, alt_text=_join_captions(captions))
    axes = figure.subplots(rows, columns, squeeze=False)
    tops = [_top(relevance) for relevance in maps]
    maximum = max(*tops, 1e-12)
    for number, axis in enumerate(axes.flat):
        if number >= len(images):
            axis.set_axis_off()
            continue
        show_image(axis, images[number])
        overlay(axis, maps[number], (tops[number] or 1.0) if separate_scales else maximum)
        outline(axis, None if masks is None else masks[number])
        axis.set_xlabel(captions[number], fontsize=11, labelpad=2)
    scale = colour_scale(0, 1 if separate_scales else maximum, RELEVANCE)
    bar = figure.colorbar(scale, ax=axes, orientation="horizontal", fraction=0.04, aspect=50, pad=0.01)
    bar.set_label(f"{label}, each map on a scale of its own" if separate_scales else label, fontsize=11)
    bar.ax.tick_params(labelsize=9)
    return figure


def segment_figure(
    images: Sequence[Tensor],
    maps: Tensor,
    segments: Tensor,
    masks: Tensor,
    overlaps: Sequence[float],
    *,
    width: float = 10.0,
) -> AltTextFigure:
    """Segments grown from maps, a column for each image: the image, its map, the segment with the true outline."""
    count = len(images)
    cell = width / count
    overlap_text = ", ".join(f"{overlap:.2f}" for overlap in overlaps)
    alt_text = f"{count} pictures, their maps, and the segments that grow from them; overlap with the truth {overlap_text}."
    figure = AltTextFigure(figsize=(width, 3 * cell + 0.5), dpi=72, alt_text=alt_text)
    axes = figure.subplots(3, count, squeeze=False)
    for number, image in enumerate(images):
        show_image(axes[0, number], image)
        _map(axes[1, number], maps[number].detach().cpu(), "", ranged=False)
        show_image(axes[2, number], torch.where(segments[number].cpu().bool(), image.cpu(), pale_grey(image)))
        outline(axes[2, number], masks[number])
        axes[2, number].set_xlabel(f"IoU {overlaps[number]:.2f}", fontsize=11, labelpad=2)
    for axis, name in zip(axes[:, 0], ("picture", "map", "segment"), strict=True):
        axis.set_ylabel(name, fontsize=11)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    return figure


def overlay(axis: Axes, relevance: Tensor, maximum: float) -> None:
    """A map H x W as an overlay: transparent at 0 and below, full colour at `maximum`."""
    values = relevance.detach().cpu().clamp_min(0).numpy()
    veil = 0.85 * np.sqrt(np.clip(values / maximum, 0, 1))
    axis.imshow(values, cmap=RELEVANCE, vmin=0, vmax=maximum, alpha=veil, interpolation="nearest")


def as_picture(attribution: Tensor) -> Tensor:
    """A map as an image. 3 x H x W, signed: grey for 0, brighter where a channel increases the class score. H x W: from black to white."""
    if attribution.dim() == 2:
        return (attribution / (_top(attribution) or 1.0)).clamp(0, 1).expand(3, -1, -1)
    return (0.5 + attribution / (2 * (_top(attribution.abs()) or 1.0))).clamp(0, 1)


def spotlight(image: Tensor, relevance: Tensor, dark: float = 0.3) -> Tensor:
    """A map H x W as a light on its image, 3 x H x W: own colours where the map is strongest, `dark` grey where it is 0 or below."""
    strength = (relevance / (_top(relevance) or 1.0)).clamp(0, 1)
    return torch.lerp(dark * image.mean(0, keepdim=True).expand_as(image), image, strength)


def _map(axis: Axes, values: Tensor, title: str, ranged: bool = True) -> None:
    if values.dim() == 3:
        show_image(axis, as_picture(values), title)
        range_text = f"± {_top(values.abs()):.2g}"
    else:
        signed = bool((values < 0).any())
        limit = _top(values.abs() if signed else values) or 1.0
        style = {"cmap": SIGNED, "vmin": -limit} if signed else {"cmap": RELEVANCE, "vmin": 0}
        show_map(axis, values, title, vmax=limit, **style)
        range_text = f"± {limit:.2g}" if signed else f"0 to {limit:.2g}"
    if ranged:
        axis.set_xlabel(range_text, fontsize=10, labelpad=2)


def _top(values: Tensor) -> float:
    """The value that gets the last colour; 0 for a map without positive values."""
    flat = values.detach().cpu().float().flatten()
    top = float(torch.quantile(flat, _TOP))
    return top if top > 0 else max(float(flat.max()), 0.0)


def _join_captions(captions: Sequence[str]) -> str:
    named = "; ".join(" ".join(caption.split()) for caption in captions)
    return f"{len(captions)} {'map' if len(captions) == 1 else 'maps'} over pictures: {named}."
