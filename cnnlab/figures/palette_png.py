"""Maps as palette PNG: the colour map is stored as a table of 256 colours, and each pixel as one byte.

The quickest way from numbers to an image in a browser, three times smaller than RGB: a map is quantised to 255 steps and written at
its own size; the browser enlarges it (`image-rendering: pixelated`). Figures with axes and colour bars are made with matplotlib in
the other modules of `cnnlab.figures`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache

import matplotlib
import numpy as np
from matplotlib.colors import Colormap
from torch import Tensor

STEPS = 255
"""Steps along a colour map. An odd number, so that the middle of a symmetric range has a step of its own."""
TRANSPARENT = 255
"""The remaining index, for pixels without a number (NaN)."""


def palette_png(
    values: Tensor | np.ndarray,
    cmap: str | Colormap = "viridis",
    low: float | None = None,
    high: float | None = None,
    *,
    alpha: float | Sequence[float] = 1.0,
) -> bytes:
    """A map, H x W, as the bytes of a PNG of W x H pixels in the colours of `cmap`.

    Parameters
    ----------
    values
        H x W numbers; NaN is transparent. Those beyond the range take the colour of its end.
    cmap
        A matplotlib colour map or its name.
    low, high
        The values at its two ends; None takes the least and the largest of the map.
    alpha
        Opacity in [0, 1]: one for all, or 255 of them along the colour map (`alpha_ramp`), to lay the map
        over a picture.

    Raises
    ------
    ValueError
        If the map has not two axes, is empty, low lies above high, or the opacities are not 1 or 255.

    Example
    -------
    >>> palette_png(np.eye(3), "viridis", 0, 1)[1:4]
    b'PNG'
    """
    values = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=np.float64)
    colours = np.empty((STEPS, 4), dtype=np.uint8)
    colours[:, :3] = colours_of(cmap)
    colours[:, 3] = np.rint(255 * np.clip(_opacities(alpha), 0, 1))
    return index_png(quantize(values, low, high), colours)


def index_png(indices: np.ndarray, colours: np.ndarray) -> bytes:
    """H x W bytes that point into `colours` (up to 255 rows of RGB or RGBA bytes) as PNG; `TRANSPARENT` is transparent."""
    indices = np.asarray(indices, dtype=np.uint8)
    if indices.ndim != 2 or not indices.size:
        raise ValueError(
            f"a map has two axes, H x W, and at least one pixel, but this came as {indices.shape}."
        )
    table = np.zeros((256, 4), dtype=np.uint8)
    table[: len(colours), 3] = 255
    table[: len(colours), : np.shape(colours)[1]] = colours
    height, width = indices.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row begins with its filter, 0: none
    rows[:, 1:] = indices
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits a pixel, colour type 3: palette
    chunks = [(b"IHDR", head), (b"PLTE", table[:, :3].tobytes()), (b"tRNS", table[:, 3].tobytes())]
    chunks += [(b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def quantize(values: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    """`values` between `low` and `high` as steps 0 ... 254 of a colour map; NaN becomes `TRANSPARENT`."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        finite = np.zeros(1)
    low = float(finite.min()) if low is None else float(low)
    high = float(finite.max()) if high is None else float(high)
    if low > high:
        raise ValueError(f"the range of colours runs upwards, but low is {low:g} and high is {high:g}.")
    shares = (np.where(np.isnan(values), low, values) - low) / (high - low or 1.0)
    return np.where(np.isnan(values), TRANSPARENT, np.rint(shares.clip(0, 1) * (STEPS - 1))).astype(np.uint8)


def symmetric_range(values: Tensor | np.ndarray, minimum: float = 0.0) -> tuple[float, float]:
    """(-m, m) with m the largest absolute value, or `minimum` if that is larger: the range for signed maps, 0 in its middle."""
    values = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=np.float64)
    limit = max(float(np.abs(values[np.isfinite(values)]).max(initial=0.0)), minimum)
    return -limit, limit


def alpha_ramp(maximum: float = 1.0, signed: bool = False) -> np.ndarray:
    """255 opacities that rise from 0 to `maximum` along the colour map, or from its middle to both ends if `signed`."""
    along = np.linspace(-1 if signed else 0, 1, STEPS)
    return maximum * np.abs(along)


@lru_cache(maxsize=32)
def colours_of(cmap: str | Colormap) -> np.ndarray:
    """255 x 3 bytes: the colour map at evenly spaced points from its first to its last colour."""
    named = matplotlib.colormaps[cmap] if isinstance(cmap, str) else cmap
    table = named(np.linspace(0, 1, STEPS), bytes=True)[:, :3]
    table.setflags(write=False)  # cached, and so shared
    return table


def _opacities(alpha: float | Sequence[float]) -> np.ndarray:
    opacities = np.asarray(alpha, dtype=np.float64)
    if opacities.shape not in ((), (STEPS,)):
        raise ValueError(
            f"alpha is one opacity or {STEPS} of them along the colour map, not {opacities.shape}."
        )
    return opacities


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
