"""Activation maps for the activation explorer: layers with units, colour ranges, receptive fields; without any widget."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.explorers.choices import deepest, network_layers, rectified
from cnnlab.explorers.image_bytes import to_array
from cnnlab.explorers.image_grid import map_tiles
from cnnlab.explorers.static_preview import figure_png
from cnnlab.figures.colours import OUTLINE
from cnnlab.figures.palette_png import alpha_ramp
from cnnlab.networks import ReceptiveField, activations

GRID_SIDE = 48
"""Larger maps are reduced to this side in the grid; the enlarged map shows all positions."""
PER_MAP, PER_LAYER = "each map", "whole layer"


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


def field_sentence(box: tuple[int, int, int, int] | None, side: int) -> str:
    """A sentence on the receptive field of a position: its box (top, left, bottom, right) in a picture of `side` pixels."""
    if box is None:
        return "what it sees is not known"
    top, left, bottom, right = box
    if (bottom - top, right - left) == (side, side):
        return "it sees the whole picture"
    return f"it sees rows {top} to {bottom - 1}, columns {left} to {right - 1}"


def initial_position(unit_map: Tensor, share: tuple[float, float] | None) -> tuple[int, int]:
    """The first position to show in a map h x w: its maximum, or the position at a share (down, across) of its sides."""
    rows, columns = unit_map.shape
    if share is None:
        return divmod(int(unit_map.argmax()), columns)
    return round(share[0] * (rows - 1)), round(share[1] * (columns - 1))


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
    count: int,
    patches: int,
) -> str:
    """The lines of code for the maps without the explorer; `opening` defines `model`, `picture` defines `image`.

    Without a `position` the layer gives one number for each channel.
    """
    row, column = position or (0, 0)
    where = f"{channel}, {row}, {column}" if position else f"{channel}"
    lines = ["import cnnlab", "from cnnlab import networks, units, world", "", opening, picture]
    lines += [
        f'maps = networks.activations(model, image, "{layer}")["{layer}"]',
        f"print(maps[{where}].item())",
        f'box = networks.receptive_field(model, "{layer}", {side}).box({row}, {column})',
        f'pictures = world.dataset("validation").images[:{count}] / 255',
        f'patches = units.top_patches(model, pictures, "{layer}", k={patches}, units=[{channel}])',
    ]
    return "\n".join(lines)


def preview_png(
    title: str,
    picture: Tensor,
    box: tuple[float, float, float, float] | None,
    maps: Tensor,
    channel: int,
    position: tuple[int, int],
    layer: str,
) -> bytes:
    """PNG preview: the picture (3 x H x W) with `box` in its pixels, the map of `channel` with its position, all maps U x h x w."""
    figure = Figure(figsize=(9.6, 3.9), dpi=90, layout="constrained", facecolor="white")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
    left.imshow(to_array(picture), interpolation="antialiased")
    row, column = position
    if box is not None:
        top, start, bottom, end = box
        for width, colour in ((3.5, "black"), (1.8, OUTLINE)):
            frame = Rectangle((start, top), end - start, bottom - top, fill=False)
            left.add_patch(frame)
            frame.set(linewidth=width, edgecolor=colour)
    middle.imshow(maps[channel].numpy(), cmap="gray", interpolation="nearest")
    corner = (column - 0.5, row - 0.5)
    middle.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=OUTLINE, linewidth=2))
    right.imshow(mosaic(grid_maps(maps, PER_MAP)).numpy(), cmap="gray", interpolation="nearest")
    left.set_title(f"what row {row}, column {column} sees", fontsize=9)
    middle.set_title(f"{layer}, channel {channel}", fontsize=9)
    right.set_title(f"all {len(maps)} maps, each in its own range", fontsize=9)
    for axis in (left, middle, right):
        axis.set_axis_off()
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return figure_png(figure)


def mosaic(maps: Tensor) -> Tensor:
    """U x h x w maps as one large map, with NaN between them."""
    columns = max(1, round(len(maps) ** 0.5 * 1.15))
    padded = F.pad(maps, (0, 1, 0, 1), value=float("nan"))
    rows = -(-len(maps) // columns)
    canvas = torch.full((rows * columns, *padded.shape[1:]), float("nan"))
    canvas[: len(maps)] = padded
    tall, wide = padded.shape[1:]
    return canvas.view(rows, columns, tall, wide).permute(0, 2, 1, 3).reshape(rows * tall, columns * wide)
