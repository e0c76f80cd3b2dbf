"""Renderer: outlines in, colours and labels out.

Everything is first drawn into one map of *regions* at twice the size, hard-edged; a table holds for each region its label in each
category and its paint. Colours come from the regions, are lit, and are averaged over 2 x 2; labels come from the same
regions, by majority over the same 2 x 2. So maps and picture agree at the edges, and all categories agree with each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cnnlab.world.names import COLOURS, index_of
from cnnlab.world.surfaces import Paint
from cnnlab.world.textures import SIDE, tile

LABELS = ("object", "part", "scene", "material", "texture", "instance")
MAX_REGIONS = 256
_PER_PIXEL = 2  # tile pixels per picture pixel at 96 x 96, where the canvas has twice the size of the picture


@dataclass
class Renderer:
    """A canvas of `size` x `size` picture pixels; regions are added, outlines filled, and `finish` returns the result."""

    size: int
    paints: list[Paint] = field(default_factory=list)
    labels: list[tuple[int, ...]] = field(default_factory=list)

    def __post_init__(self):
        self.side = 2 * self.size
        self.canvas = Image.new("L", (self.side, self.side))
        self.draw = ImageDraw.Draw(self.canvas)
        self.shadow = Image.new("L", (48, 48))
        self._region_ids: dict[tuple, int] = {}
        self._boxes: list[list[float]] = []

    def fill(self, outline: np.ndarray, paint: Paint, **labels: int) -> None:
        """Fill `outline` (K x 2, in fractions of the picture's side) with `paint`; labels not given are 0."""
        names = {
            "material": index_of("material", paint.material),
            "texture": index_of("texture", paint.texture),
            **labels,
        }
        row = tuple(names.get(category, 0) for category in LABELS)
        points = outline * self.side
        left, top = points.min(axis=0).tolist()
        right, bottom = points.max(axis=0).tolist()
        if min(right, bottom) < 0 or max(left, top) > self.side:
            return  # outside of the picture
        region = self._region(paint, row)
        box = self._boxes[region]
        box[0], box[1] = min(box[0], left), min(box[1], top)
        box[2], box[3] = max(box[2], right), max(box[3], bottom)
        self.draw.polygon(points.ravel().tolist(), fill=region)

    def _region(self, paint: Paint, row: tuple[int, ...]) -> int:
        key = (paint, row)
        if key not in self._region_ids:
            if len(self.paints) == MAX_REGIONS:
                raise ValueError(
                    f"a picture has room for {MAX_REGIONS} regions; draw fewer objects or less clutter."
                )
            self._region_ids[key] = len(self.paints)
            self.paints.append(paint)
            self.labels.append(row)
            self._boxes.append([np.inf, np.inf, -np.inf, -np.inf])
        return self._region_ids[key]

    def cast_shadow(self, x: float, y: float, reach: float) -> None:
        """Darken the ground around (x, y); objects that stand on it are not changed."""
        box = np.array([x - reach, y - 0.14 * reach, x + reach, y + 0.16 * reach]) * 48
        ImageDraw.Draw(self.shadow).ellipse(box.tolist(), fill=150)

    def silhouette(self) -> np.ndarray:
        """48 x 48 floats in [0, 1]: where objects stand, softened; they are lighter where it falls off towards the light."""
        is_object = np.array([row[LABELS.index("instance")] > 0 for row in self.labels], dtype=np.uint8) * 255
        shrunk = self.canvas.point(_lut(is_object)).resize((48, 48), Image.Resampling.BOX)
        return np.asarray(shrunk.filter(ImageFilter.BoxBlur(2.5)), dtype=np.float32) / 255

    def finish(
        self, light: float, from_left: bool, silhouette: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The picture (size x size x 3 floats, 0 to 255), the canvas (twice the size, bytes), and the labels (regions x 6, bytes)."""
        regions = np.asarray(self.canvas)
        label_table = np.array(self.labels, dtype=np.uint8)
        index = quarters(regions).astype(np.intp)
        pattern = quarters(self._pattern(regions))
        brightness = self._brightness(index, label_table, light, from_left, silhouette)
        dark = np.array([paint.dark for paint in self.paints], dtype=np.float32)
        span = (np.array([paint.light for paint in self.paints], dtype=np.float32) - dark) / np.float32(255)
        pixels = np.empty((self.size, self.size, 3), dtype=np.float32)
        for channel in range(3):
            colours = span[:, channel].take(index)
            colours *= pattern
            colours += dark[:, channel].take(index)
            colours *= brightness
            pixels[..., channel] = colours.mean(axis=0, dtype=np.float32)
        return pixels, regions, label_table

    def _pattern(self, regions: np.ndarray) -> np.ndarray:
        """The grey of each canvas pixel, 0 to 255, of the texture of its region."""
        pattern = np.zeros(regions.shape, dtype=np.float32)
        for region, (paint, box) in enumerate(zip(self.paints, self._boxes, strict=True)):
            left, top = max(0, int(box[0])), max(0, int(box[1]))
            right, bottom = (min(self.side, int(edge) + 2) for edge in box[2:])
            if right > left and bottom > top:
                crop = _crop(paint, left, top, right, bottom, self.size / 96)
                if paint.ramp:
                    fade = np.arange(top, bottom, dtype=np.float32)[:, None] * (255 * paint.ramp / self.side)
                    crop = crop * np.float32(1 - paint.ramp) + fade
                np.copyto(
                    pattern[top:bottom, left:right], crop, where=regions[top:bottom, left:right] == region
                )
        return pattern

    def _brightness(
        self, index: np.ndarray, table: np.ndarray, light: float, from_left: bool, soft: np.ndarray
    ) -> np.ndarray:
        """Brightness of each canvas pixel, in quarters: objects are lighter towards the light, the ground is darker in their shadow."""
        is_object = table[:, LABELS.index("instance")] > 0
        step = 2 if from_left else -2
        slope = np.roll(soft, (-2, -step), (0, 1)) - np.roll(soft, (2, step), (0, 1))
        shade = np.asarray(self.shadow.filter(ImageFilter.BoxBlur(2)), dtype=np.float32) / 255
        across = np.linspace(1.06, 0.94, 48, dtype=np.float32)[None]
        base = np.float32(light) * (across if from_left else across[:, ::-1])
        on_object = quarters(_enlarge(base * (1 + 0.3 * slope), self.side))
        on_ground = quarters(_enlarge(base * (1 - 0.75 * shade), self.side))
        return np.where(is_object.take(index), on_object, on_ground)


def _crop(paint: Paint, left: int, top: int, right: int, bottom: int, magnify: float) -> np.ndarray:
    """The part of the paint's tile under a box of the canvas, magnified with the picture."""
    zoom = paint.zoom * magnify
    if zoom <= 1.0:
        twice = _repeated_tile(paint.texture, round(SIDE * zoom), paint.turn)
        n = twice.shape[0] // 2
        y, x = (round(paint.shift[0] * zoom) + top) % n, (round(paint.shift[1] * zoom) + left) % n
        if y + bottom - top <= 2 * n and x + right - left <= 2 * n:
            return twice[y : y + bottom - top, x : x + right - left]
    grey = _rotated_tile(paint.texture, paint.turn)
    rows = np.arange(int(top / zoom) + paint.shift[0], int(bottom / zoom) + 2 + paint.shift[0]) % SIDE
    columns = np.arange(int(left / zoom) + paint.shift[1], int(right / zoom) + 2 + paint.shift[1]) % SIDE
    piece = Image.fromarray(np.ascontiguousarray(grey[np.ix_(rows, columns)]))
    box = (left / zoom - int(left / zoom), top / zoom - int(top / zoom))
    span = ((right - left) / zoom, (bottom - top) / zoom)
    return np.asarray(
        piece.resize(
            (right - left, bottom - top),
            Image.Resampling.BICUBIC,
            box=(*box, box[0] + span[0], box[1] + span[1]),
        )
    )


@lru_cache(maxsize=96)
def _repeated_tile(texture: str, side: int, turn: int) -> np.ndarray:
    """A tile shrunk to `side` and repeated twice each way, so that any window up to its size is one slice."""
    small = Image.fromarray(np.ascontiguousarray(_rotated_tile(texture, turn))).resize(
        (side, side), Image.Resampling.LANCZOS
    )
    return np.tile(np.asarray(small), (2, 2))


def _rotated_tile(texture: str, turn: int) -> np.ndarray:
    return tile(texture).T if turn and texture not in UPRIGHT else tile(texture)


UPRIGHT = frozenset({"bricked", "shingled", "grassy", "feathered", "scaly", "rippled"})
"""Textures with a fixed upright direction; the others may be rotated by 90 degrees."""


def _enlarge(field: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(
        Image.fromarray(field.astype(np.float32)).resize((side, side), Image.Resampling.BILINEAR)
    )


def _lut(values: np.ndarray) -> list[int]:
    return values.tolist() + [0] * (256 - len(values))


def quarters(canvas: np.ndarray) -> np.ndarray:
    """The canvas, 2 H x 2 W, as 4 x H x W: the top left, top right, bottom left and bottom right pixels of its 2 x 2 blocks."""
    height, width = canvas.shape[0] // 2, canvas.shape[1] // 2
    blocks = canvas.reshape(height, 2, width, 2).transpose(1, 3, 0, 2)
    return blocks.reshape(4, height, width)


def majority(regions: np.ndarray) -> np.ndarray:
    """The most frequent value of each 2 x 2 block; for two against two, the value of the top left pixel."""
    a, b, c, d = quarters(regions)
    others_agree = (b == c) & ((b == d) | ((a != b) & (a != d)))
    rest_agree = ((b == d) | (c == d)) & (a != b) & (a != c) & (a != d)
    return np.where(others_agree, b, np.where(rest_agree, d, a))


def colour_names(pixels: np.ndarray) -> np.ndarray:
    """The colour name of each pixel of a picture (H x W x 3 bytes), as an index into `NAMES["colour"]`."""
    r, g, b = (pixels[..., channel] >> 4 for channel in range(3))
    return _colour_table()[r, g, b]


@lru_cache(maxsize=1)
def _colour_table() -> np.ndarray:
    """Nearest of the eleven basic colour terms (Berlin & Kay, 1969) by hue, saturation and value, for 16 levels a channel."""
    import colorsys

    names = ("none", *COLOURS)
    table = np.empty((16, 16, 16), dtype=np.uint8)
    for index in np.ndindex(table.shape):
        hue, saturation, value = colorsys.rgb_to_hsv(*((level * 16 + 8) / 255 for level in index))
        table[index] = names.index(_colour_name(hue * 360, saturation, value))
    return table


def _colour_name(hue: float, saturation: float, value: float) -> str:
    if value < 0.2:
        return "black"
    if saturation < 0.18:
        return "white" if value > 0.8 else "grey"
    red = hue < 14 or hue >= 345
    if (hue < 68 or hue >= 345) and value < 0.62 and not (red and saturation > 0.7 and value > 0.35):
        return "brown"
    if red:
        return "pink" if saturation < 0.5 and value > 0.75 else "red"
    for limit, name in (
        (42, "orange"),
        (68, "yellow"),
        (165, "green"),
        (258, "blue"),
        (300, "purple"),
        (345, "pink"),
    ):
        if hue < limit:
            return name
    raise AssertionError(hue)
