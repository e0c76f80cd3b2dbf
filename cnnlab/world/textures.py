"""Texture tiles: the pattern of each texture in grey, without its colour.

A tile is 512 x 512 bytes and repeats without a seam. It is drawn from a fixed seed, on first use, and kept in the cache folder. Noise is
filtered in the Fourier domain, where everything is periodic; shapes (leaves, stones, grass blades, curls) are drawn in nine
shifted copies so that what leaves at one border enters at the other. Structure at all scales and in all directions matters
beyond looks: from it the first layer of a network learns its edge filters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache as remember
from itertools import product

import numpy as np
from PIL import Image, ImageDraw

from cnnlab.world import cache

SIDE = 512


@remember
def tile(texture: str) -> np.ndarray:
    """The tile of `texture` (a name of `cnnlab.world.names.TEXTURES`): 512 x 512 bytes, read-only."""
    result = cache.kept(f"textures/{texture}", lambda: drawn(texture))
    result.setflags(write=False)
    return result


def drawn(texture: str) -> np.ndarray:
    """`tile`, drawn anew."""
    rng = np.random.default_rng([20_260, sum(map(ord, texture))])
    field = _TILES[texture](rng)
    low, high = np.quantile(field, (0.01, 0.99))
    grey = np.clip((field - low) / max(high - low, 1e-9), 0, 1) * 255
    return np.rint(grey).astype(np.uint8)


def _noise(
    rng: np.random.Generator, *, across: float, along: float | None = None, turn: float = 0.0
) -> np.ndarray:
    """Smooth periodic noise with standard deviation 1; `across` and `along` are its blob sizes in pixels, `turn` in degrees."""
    along = across if along is None else along
    frequency = np.fft.fftfreq(SIDE)
    fy, fx = np.meshgrid(frequency, frequency, indexing="ij")
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    u, v = c * fx + s * fy, -s * fx + c * fy
    spectrum = np.exp(-2 * np.pi**2 * ((u * across) ** 2 + (v * along) ** 2) / 4)
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((SIDE, SIDE))) * spectrum).real
    return (field - field.mean()) / field.std()


def _scattered(rng: np.random.Generator, count: int, shape: Callable, background: int = 90) -> np.ndarray:
    """A dead-leaves image: `count` shapes, each an outline around the origin with its grey values, later ones on top.

    `shape(rng)` returns a list of (K x 2 outline in pixels, grey value).
    """
    canvas = Image.new("L", (SIDE, SIDE), background)
    polygon = ImageDraw.Draw(canvas).polygon
    for x, y in rng.uniform(0, SIDE, (count, 2)).tolist():
        pieces = shape(rng)
        reach = max(float(np.abs(outline).max()) for outline, _ in pieces)
        for dx, dy in _copies(x, y, reach):
            for outline, grey in pieces:
                polygon((outline + (x + dx, y + dy)).ravel().tolist(), fill=int(grey))
    return np.asarray(canvas, dtype=np.float64)


def _copies(x: float, y: float, reach: float) -> list[tuple[int, int]]:
    """The shifts by which what lies around (x, y) is seen on the tile: by nothing, and of what crosses a border, by SIDE."""
    if reach < min(x, y) and max(x, y) < SIDE - reach:
        return [(0, 0)]
    return [
        (dx, dy)
        for dx, dy in product((-SIDE, 0, SIDE), repeat=2)
        if -reach < x + dx < SIDE + reach and -reach < y + dy < SIDE + reach
    ]


def _ellipse(rx: float, ry: float, turn: float, corners: int = 14) -> np.ndarray:
    cosines, sines = _circle(corners)
    c, s = np.cos(turn), np.sin(turn)
    x, y = rx * cosines, ry * sines
    return np.stack([c * x - s * y, s * x + c * y], axis=1)


@remember
def _circle(corners: int) -> tuple[np.ndarray, np.ndarray]:
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.cos(angle), np.sin(angle)


def _curl(rng: np.random.Generator) -> list:
    r = rng.uniform(6, 11)
    grey = rng.uniform(150, 215)
    shade, light, glint = (
        _ellipse(r, r, 0),
        _ellipse(r * 0.8, r * 0.8, 0) - r * 0.12,
        _ellipse(r * 0.4, r * 0.4, 0) - r * 0.3,
    )
    return [(shade, grey - 75), (light, grey), (glint, grey + 40)]


def _leaf(rng: np.random.Generator) -> list:
    length, turn, grey = rng.uniform(9, 20), rng.uniform(0, np.pi), rng.uniform(50, 225)
    blade = _ellipse(length, length * 0.45, turn)
    vein = _ellipse(length * 0.9, 1.0, turn, corners=6)
    return [(blade, grey), (vein, grey * 0.7)]


def _stone(rng: np.random.Generator) -> list:
    r = rng.uniform(8, 34)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 8))
    outline = np.stack([np.cos(angle), 0.8 * np.sin(angle)], axis=1) * r * rng.uniform(0.8, 1.1, (8, 1))
    grey = rng.uniform(60, 190)
    return [(outline, grey - 45), (outline * 0.85 - r * 0.1, grey), (outline * 0.45 - r * 0.22, grey + 35)]


def _blade(rng: np.random.Generator) -> list:
    length, lean, grey = rng.uniform(14, 42), rng.normal(0, 0.35), rng.uniform(30, 235)
    tip = np.array([length * np.sin(lean), -length * np.cos(lean)])
    return [(np.array([(-1.6, 0), tip, (1.6, 0)]), grey)]


def _rows(width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Running-bond cells: position inside the cell (0 to 1 each way) and the index of the row."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    row = y // height
    u = (x / width + 0.5 * (row % 2)) % 1.0
    return u, (y / height) % 1.0, row


def _curly(rng):
    return _scattered(rng, 6500, _curl) + 8 * _noise(rng, across=40)


def _hairy(rng):
    return (
        _noise(rng, across=2.2, along=26)
        + 0.5 * _noise(rng, across=1.2, along=12, turn=12)
        + 0.6 * _noise(rng, across=30)
    )


def _shaggy(rng):
    warp = np.rint(9 * _noise(rng, across=45)).astype(int)
    rows = np.arange(SIDE)[:, None]
    locks = _noise(rng, across=5.5, along=48)[rows, (np.arange(SIDE)[None] + warp) % SIDE]
    return np.abs(locks) ** 0.7 + 0.25 * _noise(rng, across=1.5, along=20)


def _wrinkled(rng):
    folds = -np.abs(_noise(rng, across=26, along=7)) - 0.6 * np.abs(_noise(rng, across=9, along=16))
    return folds + 0.4 * _noise(rng, across=50)


def _cracked(rng):
    points = rng.uniform(0, SIDE, (170, 2))
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    nearest = np.full((2, SIDE, SIDE), np.inf, dtype=np.float32)
    for px, py in points.astype(np.float32):
        dx, dy = np.abs(x - px), np.abs(y - py)
        distance = np.minimum(dx, SIDE - dx) ** 2 + np.minimum(dy, SIDE - dy) ** 2
        nearest[1] = np.minimum(nearest[1], np.maximum(nearest[0], distance))
        nearest[0] = np.minimum(nearest[0], distance)
    gap = np.sqrt(nearest[1]) - np.sqrt(nearest[0])
    return np.minimum(gap / 6, 1.0) + 0.12 * _noise(rng, across=12)


def _feathered(rng):
    u, v, _ = _rows(32, 16)
    scallop = np.hypot((u - 0.5) * 1.6, v - 0.1)
    quill = np.abs(u - 0.5) < 0.04
    barbs = 0.15 * np.sin(2 * np.pi * (v * 3 + np.abs(u - 0.5) * 7))
    return -np.abs(scallop - 0.5) * 1.4 - 0.5 * quill + barbs + 0.15 * _noise(rng, across=20)


def _scaly(rng):
    u, v, _ = _rows(32, 16)
    r = np.hypot((u - 0.5) * 2, v * 1.3)
    return np.where(r < 1.05, 0.35 + 0.65 * r**2, 0.05) + 0.1 * _noise(rng, across=25)


def _striped(rng):
    x = np.arange(SIDE)[None] + 5 * _noise(rng, across=55)
    return np.tanh(2.5 * np.sin(2 * np.pi * x * 16 / SIDE))


def _dotted(rng):
    u, v, _ = _rows(64, 32)
    r = np.hypot((u - 0.5) * 2, v - 0.5)
    return 1 / (1 + np.exp((r - 0.3) * 40))


def _checkered(rng):
    y, x = np.mgrid[:SIDE, :SIDE] * 16 // SIDE
    return ((x + y) % 2) + 0.05 * _noise(rng, across=3)


def _woven(rng):
    y, x = np.mgrid[:SIDE, :SIDE] * (2 * np.pi * 32 / SIDE)
    return np.where(
        (np.sin(x / 2) * np.sin(y / 2)) > 0, np.abs(np.sin(x / 2)), np.abs(np.sin(y / 2))
    ) + 0.1 * _noise(rng, across=3)


def _grained(rng):
    warp = 2.0 * _noise(rng, across=18, along=150)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    planks = np.where((x % 128) < 3, -1.6, 0.0)
    return np.sin(2 * np.pi * x * 12 / SIDE + warp) + 0.6 * _noise(rng, across=1.6, along=45) + planks


def _bricked(rng):
    u, v, row = _rows(64, 32)
    column = np.floor(np.arange(SIDE)[None] / 64 + 0.5 * (row % 2)) % (SIDE // 64)
    shade = rng.uniform(-0.22, 0.22, (SIDE // 32, SIDE // 64))[row.astype(int), column.astype(int)]
    mortar = (u < 0.06) | (v < 0.12)
    return np.where(mortar, 1.0, 0.35 + shade) + 0.06 * _noise(rng, across=3)


def _brushed(rng):
    return 0.4 * _noise(rng, across=60, along=1.5) + _noise(rng, across=90)


def _leafy(rng):
    return _scattered(rng, 3800, _leaf)


def _grassy(rng):
    return _scattered(rng, 9000, _blade, background=70) + 10 * _noise(rng, across=60)


def _rippled(rng):
    y = np.arange(SIDE)[:, None] + 7 * _noise(rng, across=70, along=20)
    return np.sin(2 * np.pi * y * 20 / SIDE) + 0.7 * _noise(rng, across=28, along=4)


def _grainy(rng):
    return _noise(rng, across=1.6) + 0.8 * _noise(rng, across=14) + 0.8 * _noise(rng, across=60)


def _cloudy(rng):
    return (
        _noise(rng, across=90, along=55)
        + 0.6 * _noise(rng, across=40, along=24)
        + 0.25 * _noise(rng, across=14)
    )


def _rocky(rng):
    return _scattered(rng, 2600, _stone, background=60) + 9 * _noise(rng, across=2)


def _shingled(rng):
    u, v, row = _rows(32, 32)
    return 0.4 + 0.6 * v - 0.7 * (np.abs(u) < 0.08) - 0.5 * (v < 0.1) + 0.12 * _noise(rng, across=20)


def _plain(rng):
    return _noise(rng, across=80) + 0.12 * _noise(rng, across=2)


_TILES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    **{
        "plain": _plain,
        "curly": _curly,
        "hairy": _hairy,
        "shaggy": _shaggy,
        "wrinkled": _wrinkled,
        "cracked": _cracked,
    },
    **{
        "feathered": _feathered,
        "scaly": _scaly,
        "striped": _striped,
        "dotted": _dotted,
        "checkered": _checkered,
    },
    **{"woven": _woven, "grained": _grained, "bricked": _bricked, "brushed": _brushed, "leafy": _leafy},
    **{
        "grassy": _grassy,
        "rippled": _rippled,
        "grainy": _grainy,
        "cloudy": _cloudy,
        "rocky": _rocky,
        "shingled": _shingled,
    },
}
