"""The ten scenes: the background of the pictures.

A scene paints its grounds from back to front in picture coordinates (x and y from 0 to 1, y down) with a `brush(surface, outline,
tone, ramp)`; `rand()` returns the next random number in [0, 1). Every pixel that a scene paints is labelled with the scene's name,
and the material and the texture at this pixel (a beach is air, water and sand).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnlab.world.animals import Rand
from cnnlab.world.paths import cloud, corners, limb, rectangle

Brush = Callable[..., None]
"""`brush(surface, outline, tone=1.0, ramp=0.0)`"""

WHOLE = rectangle(-0.01, -0.01, 1.01, 1.01)


def _ridge(rand: Rand, height: float, rough: float, steps: int = 9) -> np.ndarray:
    """A hilly skyline around `height`, filled down to the bottom."""
    xs = np.linspace(-0.02, 1.02, steps)
    ys = [height + rough * (rand() - 0.5) for _ in xs]
    return corners((-0.02, 1.02), *zip(xs.tolist(), ys, strict=True), (1.02, 1.02))


def _ground(height: float, tilt: float = 0.0) -> np.ndarray:
    return corners((-0.01, height - tilt), (1.01, height + tilt), (1.01, 1.01), (-0.01, 1.01))


def meadow(brush: Brush, rand: Rand) -> None:
    horizon = 0.28 + 0.2 * rand()
    brush("clear air", WHOLE, ramp=0.6)
    brush("far hills", _ridge(rand, horizon - 0.03, 0.14, 7))
    for _ in range(int(4 * rand())):
        x, r = rand(), 0.03 + 0.04 * rand()
        foot, top = horizon + 0.04, horizon - r
        brush(
            "thicket",
            corners((x - r, foot), (x - 0.7 * r, top), (x, top - 0.6 * r), (x + 0.7 * r, top), (x + r, foot)),
            0.9,
        )
    brush("grass", _ground(horizon + 0.02, 0.02 * (rand() - 0.5)), ramp=0.2)


def rocks(brush: Brush, rand: Rand) -> None:
    horizon = 0.32 + 0.18 * rand()
    brush("clear air", WHOLE, 0.92, ramp=0.6)
    brush("cliff", _ridge(rand, horizon - 0.16, 0.3, 6), 1.05)
    brush("cliff", _ridge(rand, horizon - 0.04, 0.16, 8), 0.85)
    brush("boulders", _ground(horizon + 0.04, 0.04 * (rand() - 0.5)), ramp=0.1)


def beach(brush: Brush, rand: Rand) -> None:
    horizon, shore = 0.24 + 0.14 * rand(), 0.5 + 0.16 * rand()
    brush("clear air", WHOLE, 1.03, ramp=0.7)
    brush("sea", _ground(horizon))
    brush("snow", _ground(shore - 0.015, 0.05 * (rand() - 0.5)))
    brush("sand", _ground(shore, 0.06 * (rand() - 0.5)), ramp=0.15)


def snow(brush: Brush, rand: Rand) -> None:
    horizon = 0.3 + 0.18 * rand()
    brush("clear air", WHOLE, 0.98, ramp=0.6)
    brush("snow", _ridge(rand, horizon - 0.08, 0.2, 6), 0.86)
    for _ in range(3 + int(6 * rand())):
        x, r = rand(), 0.05 + 0.07 * rand()
        brush(
            "thicket",
            corners(
                (x - r * 0.5, horizon + 0.06), (x, horizon + 0.06 - 2.4 * r), (x + r * 0.5, horizon + 0.06)
            ),
            0.75,
        )
    brush("snow", _ground(horizon + 0.05, 0.05 * (rand() - 0.5)), ramp=0.3)


def lake(brush: Brush, rand: Rand) -> None:
    horizon = 0.28 + 0.2 * rand()
    brush("clear air", WHOLE, ramp=0.7)
    brush("thicket", _ridge(rand, horizon - 0.05, 0.1, 12), 0.8)
    brush("sea", _ground(horizon), ramp=0.25)


def street(brush: Brush, rand: Rand) -> None:
    curb, road = 0.54 + 0.08 * rand(), 0.64 + 0.08 * rand()
    brush("clear air", WHOLE, ramp=0.6)
    x = -0.1 - 0.2 * rand()
    while x < 1.0:
        width, top = 0.24 + 0.22 * rand(), 0.02 + 0.2 * rand()
        brush(("brick", "plaster", "ashlar")[int(3 * rand())], rectangle(x, top, x + width, curb), 0.95)
        light = rand()
        for column in np.arange(x + 0.05, x + width - 0.07, 0.11):
            for row in np.arange(top + 0.06, curb - 0.14, 0.15):
                brush("glass", rectangle(column, row, column + 0.055, row + 0.085), 0.45 + 0.4 * light)
        x += width
    brush("ashlar", rectangle(-0.01, curb, 1.01, road), 0.8)
    brush("asphalt", _ground(road))
    gap = 0.3 * rand()
    for left in np.arange(gap - 0.3, 1.0, 0.3):
        brush(
            "line paint",
            corners((left, 0.86), (left + 0.15, 0.86), (left + 0.14, 0.885), (left - 0.01, 0.885)),
        )


def room(brush: Brush, rand: Rand) -> None:
    floor = 0.56 + 0.14 * rand()
    brush(("wallpaper", "dotted paper", "plaster")[int(3 * rand())], WHOLE)
    x, y, w, h = 0.06 + 0.5 * rand(), 0.06 + 0.08 * rand(), 0.22 + 0.16 * rand(), 0.2 + 0.12 * rand()
    brush("wood", rectangle(x - 0.025, y - 0.025, x + w + 0.025, y + h + 0.025), 0.8)
    if rand() < 0.5:
        brush("clear air", rectangle(x, y, x + w, y + h))
        brush("white paint", rectangle(x + w / 2 - 0.01, y, x + w / 2 + 0.01, y + h))
    else:
        brush("sea", rectangle(x, y, x + w, y + h), 1.1)
    brush("white paint", rectangle(-0.01, floor - 0.03, 1.01, floor), 0.9)
    brush("floorboards", _ground(floor))


def sky(brush: Brush, rand: Rand) -> None:
    brush("dusk air" if rand() < 0.25 else "clear air", WHOLE, ramp=0.45)
    for _ in range(2 + int(3 * rand())):
        x, y, r = rand(), rand(), 0.1 + 0.12 * rand()
        brush("cloud", cloud(x, y, 1.7 * r, 0.6 * r, bumps=9, depth=0.16, phase=6 * rand()))


def forest(brush: Brush, rand: Rand) -> None:
    floor = 0.5 + 0.16 * rand()
    brush("thicket", WHOLE, 0.85)
    for _ in range(4 + int(5 * rand())):
        x, half, lean = rand(), 0.02 + 0.035 * rand(), 0.06 * (rand() - 0.5)
        brush("bark", limb(x + lean, -0.02, x, floor + 0.05 + half, half * 0.8, half), 0.55 + 0.5 * rand())
    brush("litter", _ground(floor, 0.05 * (rand() - 0.5)))


def desert(brush: Brush, rand: Rand) -> None:
    horizon = 0.3 + 0.16 * rand()
    brush("dusk air" if rand() < 0.6 else "clear air", WHOLE, 1.05, ramp=0.7)
    brush("dune", _ridge(rand, horizon - 0.02, 0.16, 5), 0.85)
    brush("dune", _ridge(rand, horizon + 0.1, 0.14, 4), 1.0)
    brush("dune", _ground(horizon + 0.24, 0.1 * (rand() - 0.5)), 1.08)


PAINTERS: dict[str, Callable[[Brush, Rand], None]] = {
    **{"meadow": meadow, "rocks": rocks, "beach": beach, "snow": snow, "lake": lake},
    **{"street": street, "room": room, "sky": sky, "forest": forest, "desert": desert},
}
