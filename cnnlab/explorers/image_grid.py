"""Image grid: small pictures of which one, or one pixel, can be chosen; drawn in the browser by `image_grid.js`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import anywidget
import numpy as np
import torch
from torch import Tensor
from traitlets import Bool, Dict, Float, Int, List, Unicode

from cnnlab.explorers.common import read_script, read_source
from cnnlab.explorers.image_bytes import png
from cnnlab.figures.colours import OUTLINE, RIGHT, WRONG
from cnnlab.figures.palette_png import palette_png


class ImageGrid(anywidget.AnyWidget):
    """Grid of equally large tiles.

    Traits
    ------
    tiles, overlay
        Results of `image_tiles` or `map_tiles`; the overlay is drawn over the tiles with `opacity`.
    captions
        A line for each tile, shown below when the pointer is on the tile or it is chosen.
    labels
        Words that are always shown under each tile, on at most two lines; none by default.
    columns, max_tile_size
        Tiles in a row, and the largest side of a tile in CSS pixels.
    min_tile_size
        The smallest side, unless 0: where there is less room, a row has fewer tiles.
    pick
        "tile": `selected` is the chosen tile (-1: none). "pixel": `point` is [tile, row, column] in the tile's own pixels.
    places, follows
        With "pixel": [rows, columns] of a raster that is coarser than the pixels, [] for the pixels; and whether the pointer chooses a
        place without being pressed.
    boxes
        [{"tile": int, "box": [top, left, height, width], "colour": "#rrggbb"}], in the tile's own pixels; with "dashed": True the
        line is dashed. `tile_frame` and `correctness_frame` give the boxes along a tile's edge.
    label, readout
        Accessible name of the grid, and the text for the chosen position.
    smooth
        Whether enlarged tiles are interpolated: true for pictures at their full size, false for maps.
    """

    _esm = read_script("image_grid.js")
    _css = read_source("image_grid.css")

    tiles = Dict().tag(sync=True)
    overlay = Dict().tag(sync=True)
    captions = List(Unicode()).tag(sync=True)
    labels = List(Unicode()).tag(sync=True)
    columns = Int(8).tag(sync=True)
    max_tile_size = Int(480).tag(sync=True)
    min_tile_size = Int(0).tag(sync=True)
    pick = Unicode("tile").tag(sync=True)
    selected = Int(-1).tag(sync=True)
    point = List(Int(), [-1, 0, 0]).tag(sync=True)
    places = List(Int()).tag(sync=True)
    follows = Bool(False).tag(sync=True)
    boxes = List(Dict()).tag(sync=True)
    label = Unicode("Pictures").tag(sync=True)
    readout = Unicode("").tag(sync=True)
    smooth = Bool(False).tag(sync=True)
    opacity = Float(0.7).tag(sync=True)


def image_tiles(pictures: Tensor) -> dict:
    """N x 3 x H x W floats in [0, 1] as the tiles of an `ImageGrid`."""
    count, _, height, width = pictures.shape
    columns = _columns(count)
    atlas = torch.zeros(3, math.ceil(count / columns) * height, columns * width)
    for tile, picture in enumerate(pictures):
        top, left = tile // columns * height, tile % columns * width
        atlas[:, top : top + height, left : left + width] = picture
    return {"png": png(atlas), "count": count, "columns": columns, "width": width, "height": height}


def tile_frame(tile: int, height: int, width: int, colour: str) -> dict:
    """A box for an `ImageGrid` along the edge of a tile of height x width pixels."""
    return {"tile": tile, "box": [1, 1, height - 2, width - 2], "colour": colour}


def tile_box(tile: int, box: Sequence[float]) -> dict:
    """A box for an `ImageGrid` around (top, left, bottom, right) of a tile, in whole pixels."""
    top, left, bottom, right = (round(value) for value in box)
    return {"tile": tile, "box": [top, left, bottom - top, right - left], "colour": OUTLINE}


def correctness_frame(tile: int, height: int, width: int, correct: bool) -> dict:
    """The frame of a correct tile, or of a wrong one, whose line is dashed so that they differ without colour too."""
    return (
        tile_frame(tile, height, width, RIGHT)
        if correct
        else tile_frame(tile, height, width, WRONG) | {"dashed": True}
    )


def frames_legend(what: str) -> str:
    """What the frames of `correctness_frame` mean around neighbours of a query; `what` they share with it, such as "object"."""
    return f"blue frame: the same {what}; dashed: another"


def map_tiles(
    maps: Tensor,
    cmap: str = "viridis",
    low: float | None = None,
    high: float | None = None,
    alpha: object = 1.0,
) -> dict:
    """N x H x W numbers as the tiles of an `ImageGrid`, at one colour scale (low, high); NaN is transparent."""
    count, height, width = maps.shape
    columns = _columns(count)
    atlas = np.full((math.ceil(count / columns) * height, columns * width), np.nan)
    for tile, values in enumerate(maps.detach().cpu().numpy()):
        top, left = tile // columns * height, tile % columns * width
        atlas[top : top + height, left : left + width] = values
    content = palette_png(atlas, cmap, low, high, alpha=alpha)
    return {"png": content, "count": count, "columns": columns, "width": width, "height": height}


def _columns(count: int) -> int:
    """A number of columns near the number of rows: browsers refuse very long pictures."""
    return max(1, math.ceil(math.sqrt(count)))
