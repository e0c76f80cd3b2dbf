"""Activation maps, receptive fields and strongest patches for the explorers of layers and units; without any widget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.explorers.activation_store import ImageSet
from cnnlab.explorers.charts import bar_rows
from cnnlab.explorers.choices import deepest, network_layers, rectified
from cnnlab.explorers.image_grid import map_tiles, tile_box
from cnnlab.explorers.snippet import snippet
from cnnlab.explorers.static_preview import canvas
from cnnlab.figures.axes import bare, draw_box, show_map
from cnnlab.figures.colours import OUTLINE, SIGNED
from cnnlab.figures.palette_png import alpha_ramp, symmetric_range
from cnnlab.networks import ReceptiveField, activations, effective_receptive_field
from cnnlab.units import TopPatches

GRID_SIDE = 48
"""Larger maps are reduced to this side in the grid; the enlarged map shows all positions."""
PER_MAP, PER_LAYER = "each map", "whole layer"
Box = tuple[int, int, int, int]
"""(top, left, bottom, right) in pixels."""


def layers_with_units(model: nn.Module, side: int) -> tuple[dict[str, ReceptiveField | None], str]:
    """The layers whose outputs are maps or vectors, with their receptive fields; and the default layer.

    The default is the last ReLU or block with maps, excluding maps of the classes.
    """
    layers = network_layers(model, side)
    with_maps = [layer for layer in layers if layer.has_maps]
    names = rectified(with_maps) or [layer.name for layer in with_maps or layers]
    return {layer.name: layer.field for layer in layers}, deepest(layers, names)


def layer_maps(model: nn.Module, image: Tensor, layers: list[str]) -> dict[str, Tensor]:
    """Activations of the layers for one picture, U x h x w each; vectors have one position. One forward pass."""
    outputs = activations(model, image, layers)
    return {
        name: maps.cpu() if maps.dim() == 3 else maps.cpu()[:, None, None] for name, maps in outputs.items()
    }


def grid_maps(maps: Tensor, scale: str) -> Tensor:
    """Maps U x h x w for the grid: each scaled separately to [0, 1], or unscaled."""
    if max(maps.shape[1:]) > GRID_SIDE:
        maps = F.adaptive_avg_pool2d(maps, GRID_SIDE)
    if scale == PER_LAYER:
        return maps
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-6)


def value_range(maps: Tensor) -> tuple[float, float]:
    """The smallest and the largest value, always different."""
    low = float(maps.min())
    return low, max(float(maps.max()), low + 1e-6)


def initial_position(unit_map: Tensor, share: tuple[float, float] | None) -> tuple[int, int]:
    """The first position to show in a map h x w: the one at a share (down, across) of its sides.

    If there is no share, or the unit is silent there but not elsewhere: its maximum.
    """
    rows, columns = unit_map.shape
    if share is not None:
        row, column = round(share[0] * (rows - 1)), round(share[1] * (columns - 1))
        if unit_map[row, column] > 0 or unit_map.max() <= 0:
            return row, column
    return divmod(int(unit_map.argmax()), columns)


def overlay_tiles(unit_map: Tensor, side: int) -> dict:
    """A map h x w as an overlay for an `ImageGrid`, side x side: transparent where the unit is inactive."""
    large = F.interpolate(unit_map[None, None], size=(side, side), mode="nearest")[0]
    return map_tiles(large, "magma", *value_range(unit_map.clamp(min=0)), alpha_ramp(1.0))


def code(
    opening: str,
    picture: str,
    layer: str,
    channel: int,
    position: tuple[int, int] | None,
    side: int,
    pictures: Sequence[str],
    patches: int,
) -> str:
    """The lines of code for the maps without the explorer; `opening` defines `model`, `picture` the `image`, `pictures` those searched.

    Without a `position` the layer gives one number for each channel.
    """
    row, column = position or (0, 0)
    where = f"{channel}, {row}, {column}" if position else f"{channel}"
    return snippet(
        opening,
        picture,
        f'maps = networks.activations(model, image, "{layer}")["{layer}"]',
        f"print(maps[{where}].item())",
        f'box = networks.receptive_field(model, "{layer}", {side}).box({row}, {column})',
        *pictures,
        f'patches = units.top_patches(model, pictures, "{layer}", k={patches}, units=[{channel}])',
    )


def preview_figure(
    picture: np.ndarray,
    box: Box | None,
    side: int,
    maps: Tensor,
    channel: int,
    position: tuple[int, int],
    layer: str,
) -> Figure:
    """The picture (H x W x 3) with the receptive field `box` in the network's pixels, the map of `channel`, all maps U x h x w."""
    figure = canvas(9.6, 3.9)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
    row, column = position
    _show_field(left, picture, box, side)
    left.set_title(f"what row {row}, column {column} sees", fontsize=9)
    show_map(middle, maps[channel], f"{layer}, channel {channel}", 9, cmap="gray")
    _mark_position(middle, row, column)
    title = f"all {len(maps)} maps, each in its own range"
    show_map(right, mosaic(grid_maps(maps, PER_MAP)), title, 9, cmap="gray")
    return figure


def field_figure(
    picture: np.ndarray, box: Box | None, side: int, maps: Tensor, unit: int, row: int, column: int
) -> Figure:
    """The picture (H x W x 3) with a unit's receptive field, beside the map with its position."""
    figure = canvas(8.4, 3.4)
    left, right = figure.subplots(1, 2)
    _show_field(left, picture, box, side)
    cmap, low, high = colours_for(maps)
    show_map(right, maps[unit], cmap=cmap, vmin=low, vmax=high)
    if maps.shape[1:] != (1, 1):
        _mark_position(right, row, column)
    return figure


def _show_field(axis: Axes, picture: np.ndarray, box: Box | None, side: int) -> None:
    axis.imshow(picture, interpolation="antialiased")
    bare(axis)
    if box is not None:
        draw_box(axis, [value * len(picture) / side for value in box], OUTLINE)


def _mark_position(axis: Axes, row: int, column: int) -> None:
    axis.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=OUTLINE, linewidth=2))


def mosaic(maps: Tensor) -> Tensor:
    """U x h x w maps as one large map, with NaN between them."""
    columns = max(1, round(len(maps) ** 0.5 * 1.15))
    padded = F.pad(maps, (0, 1, 0, 1), value=float("nan"))
    rows = -(-len(maps) // columns)
    canvas = torch.full((rows * columns, *padded.shape[1:]), float("nan"))
    canvas[: len(maps)] = padded
    tall, wide = padded.shape[1:]
    return canvas.view(rows, columns, tall, wide).permute(0, 2, 1, 3).reshape(rows * tall, columns * wide)


# Receptive fields.


def colours_for(maps: Tensor) -> tuple[str, float, float]:
    """Colour map and its limits: symmetric about zero for signed maps, from zero up after a ReLU."""
    if float(maps.min()) < 0:
        return SIGNED, *symmetric_range(maps)
    return "viridis", 0.0, max(float(maps.max()), 1e-6)


def nearest_unit(field: ReceptiveField, pixel: tuple[int, int]) -> tuple[int, int]:
    """(row, column) of the unit whose uncropped receptive field has its centre nearest to a pixel; 0 along an axis without positions."""
    position = []
    for coordinate, offset, size, stride, count in zip(
        pixel, field.offset, field.size, field.stride, field.positions, strict=True
    ):
        index = round((coordinate - offset - (size - 1) / 2) / stride) if stride else 0
        position.append(min(max(index, 0), count - 1))
    return position[0], position[1]


def effective_field_tiles(model: nn.Module, image: Tensor, layer: str, row: int, column: int) -> dict:
    """The effective receptive field of a position in this picture, as one tile of an overlay: bright where the gradient is large."""
    field = effective_receptive_field(model, layer, image, row=row, column=column)
    strength = (field / field.max().clamp(min=torch.finfo(field.dtype).tiny)).sqrt()
    return map_tiles(strength[None], "magma", 0, 1, alpha_ramp(1.0))


def is_whole(box: Box | None, side: int) -> bool:
    """Whether a receptive field is known and covers a picture of `side` pixels."""
    return box is not None and (box[2] - box[0], box[3] - box[1]) == (side, side)


def field_sentence(box: Box | None, row: int, column: int, side: int) -> str:
    """A sentence with the receptive field of a position: its box in a picture of `side` pixels."""
    unit = f"the unit at row {row}, column {column}"
    if box is None:
        return f"what {unit} sees is not known."
    if is_whole(box, side):
        return f"{unit} can see the whole picture."
    top, left, bottom, right = box
    return f"{unit} can see rows {top} to {bottom - 1} and columns {left} to {right - 1} of the picture."


# The strongest patches of a unit.


def patch_images(images: Tensor, top_patches: TopPatches, field: ReceptiveField | None) -> Tensor:
    """k x 3 x h x w: the receptive fields of the first unit of `top_patches` in its k pictures (k x 3 x H x W); pale grey outside of them.

    If the receptive field is unknown (`field` is None), the whole pictures.
    """
    if field is None:
        return images
    sides = [min(field.size[axis], field.picture[axis]) for axis in (0, 1)]
    patches = torch.full((top_patches.picture.shape[1], 3, *sides), 0.85)
    for patch, image, box in zip(patches, images, top_patches.box[0].tolist(), strict=True):
        top, left, bottom, right = box
        high, wide = bottom - top, right - left
        down = sides[0] - high if top == 0 else 0  # a field cropped above keeps its lower border
        across = sides[1] - wide if left == 0 else 0
        patch[:, down : down + high, across : across + wide] = image[:, top:bottom, left:right]
    return patches


def patch_boxes(top_patches: TopPatches, whole: Sequence[int] | None = None) -> list[dict]:
    """The boxes of the patches in their pictures, one per tile; `whole` (height, width) leaves out boxes that are the whole picture."""
    boxes = []
    for tile, (top, left, bottom, right) in enumerate(top_patches.box[0].tolist()):
        if whole is None or (bottom - top, right - left) != tuple(whole):
            boxes.append(tile_box(tile, (top, left, bottom, right)))
    return boxes


def patch_captions(
    top_patches: TopPatches, pictures: ImageSet, centre_labels: Sequence[str] = ()
) -> list[str]:
    """A caption for each patch: its rank, a description of its picture, the activation, and the label at its centre, if given."""
    lines = []
    for rank, (index, value) in enumerate(
        zip(top_patches.picture[0], top_patches.value[0].tolist(), strict=True)
    ):
        line = f"{rank + 1}. {pictures.describe(int(index))}, {value:.2f}"
        lines.append(f"{line}, in the middle: {centre_labels[rank]}" if centre_labels else line)
    return lines


def label_shares(labels: Tensor, pixel_counts: Tensor, names: Sequence[str], k: int = 6) -> list[dict]:
    """The most frequent of k labels as rows for `ProbabilityBars`: their share among the patches, and among all pixels of the set.

    `labels` are the indices at the centres of the patches, `pixel_counts` counts each index over all pixels.
    """
    counts = labels.bincount(minlength=len(names)).double()
    base_rate = pixel_counts.double() / pixel_counts.sum()
    order = [i for i in counts.argsort(descending=True, stable=True).tolist() if counts[i]][:k]
    shares = counts / counts.sum()
    first = [rank == 0 for rank in range(len(order))]
    return bar_rows([names[i] for i in order], shares[order], base_rate[order], first)
