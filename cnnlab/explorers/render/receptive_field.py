"""Receptive fields and activations of a unit for the layer explorer; without any widget."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from cnnlab.explorers.image_grid import map_tiles
from cnnlab.figures.colours import OUTLINE, SIGNED
from cnnlab.figures.palette_png import alpha_ramp, symmetric_range
from cnnlab.networks import ReceptiveField, effective_receptive_field

Box = tuple[int, int, int, int]


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


def field_sentence(box: Box | None, row: int, column: int, side: int) -> str:
    """A sentence with the receptive field of a position."""
    unit = f"the unit at row {row}, column {column}"
    if box is None:
        return f"what {unit} sees is not known."
    top, left, bottom, right = box
    if (bottom - top, right - left) == (side, side):
        return f"{unit} can see the whole picture."
    return f"{unit} can see rows {top} to {bottom - 1} and columns {left} to {right - 1} of the picture."


def preview_figure(
    picture: np.ndarray, box: Box | None, side: int, maps: Tensor, unit: int, row: int, column: int
) -> Figure:
    """Static preview: the picture with a unit's receptive field, beside the map with its position."""
    figure = Figure(figsize=(8.4, 3.4), dpi=90, layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    left.imshow(picture, interpolation="antialiased")
    if box is not None:
        top, start, bottom, end = (value * len(picture) / side for value in box)
        for width, colour in ((3.5, "black"), (1.8, OUTLINE)):
            frame = Rectangle((start - 0.5, top - 0.5), end - start, bottom - top, fill=False)
            frame.set(linewidth=width, edgecolor=colour)
            left.add_patch(frame)
    cmap, low, high = colours_for(maps)
    right.imshow(maps[unit].numpy(), cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
    if maps.shape[1:] != (1, 1):
        marker = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=OUTLINE, linewidth=2)
        right.add_patch(marker)
    for axis in (left, right):
        axis.set_axis_off()
    return figure
