"""Outlines: the few curves from which every object of the world is drawn.

An object is drawn in its own square, x from -1 (behind) to 1 (in front), y from -1 (top) to 1 (bottom); it faces right and stands on
y = 1. An outline is a K x 2 array of corners in that square; `Piece` adds the part that it is and its material.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Piece:
    """One outline of an object.

    `material` is "skin" for the surface that is typical of the object (and that `texture=` replaces), or the name of a fixed
    surface (`cnnlab.world.surfaces.SURFACES`); `tone` darkens or lightens it, so that a far leg differs from a near one.
    """

    part: str
    outline: np.ndarray
    material: str = "skin"
    tone: float = 1.0


def blob(points: Points, steps: int = 5) -> np.ndarray:
    """A closed smooth curve through `points` (uniform Catmull-Rom spline)."""
    p = np.asarray(points, dtype=np.float64)
    around = np.stack([np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)])  # 4 x K x 2
    return np.einsum("sk,kpc->psc", _catmull_rom(steps), around).reshape(-1, 2)


@cache
def _catmull_rom(steps: int) -> np.ndarray:
    t = np.arange(steps)[:, None] / steps
    powers = np.concatenate([np.ones_like(t), t, t**2, t**3], axis=1)
    basis = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]], dtype=np.float64)
    return powers @ basis


def corners(*points: tuple[float, float]) -> np.ndarray:
    """A polygon with sharp corners."""
    return np.asarray(points, dtype=np.float64)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0) -> np.ndarray:
    """An ellipse around (x, y); `turn` in degrees, clockwise on the screen."""
    circle = _circle(24) * (rx, rx if ry is None else ry)
    return _rotate(circle, turn) + (x, y)


def cloud(
    x: float, y: float, rx: float, ry: float, bumps: int = 11, depth: float = 0.09, phase: float = 0.0
) -> np.ndarray:
    """An ellipse with round bumps along its rim: fleece, the crown of a tree, a bush, smoke."""
    angle = np.linspace(0, 2 * np.pi, bumps * 6, endpoint=False)
    radius = 1 + depth * (2 * np.abs(np.sin((angle * bumps + phase) / 2)) - 1)
    return np.stack([x + rx * radius * np.cos(angle), y + ry * radius * np.sin(angle)], axis=1)


def limb(x0: float, y0: float, x1: float, y1: float, w0: float, w1: float) -> np.ndarray:
    """A tapering limb from (x0, y0) of half width w0 to (x1, y1) of half width w1, with flat ends."""
    length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-9)
    nx, ny = (y1 - y0) / length, -(x1 - x0) / length
    return corners(
        (x0 + nx * w0, y0 + ny * w0),
        (x1 + nx * w1, y1 + ny * w1),
        (x1 - nx * w1, y1 - ny * w1),
        (x0 - nx * w0, y0 - ny * w0),
    )


def arc(
    x: float, y: float, outer: float, inner: float, start: float, end: float, tip: float | None = None
) -> np.ndarray:
    """A bent band around (x, y) between two radii, from angle `start` to `end` (degrees, clockwise from the right).

    `tip` is the width at the end as a share of the width at the start (horns end in a point, handles do not).
    """
    angle = np.deg2rad(np.linspace(start, end, 12))
    middle, half = (outer + inner) / 2, (outer - inner) / 2 * np.linspace(1, 1 if tip is None else tip, 12)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rim = direction * (middle + half)[:, None]
    hole = direction * (middle - half)[:, None]
    return np.concatenate([rim, hole[::-1]]) + (x, y)


def rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """An upright rectangle."""
    return corners((left, top), (right, top), (right, bottom), (left, bottom))


@cache
def _circle(count: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _rotate(points: np.ndarray, degrees: float) -> np.ndarray:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return points @ np.array([[c, s], [-s, c]])
