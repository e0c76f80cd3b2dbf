"""The objects that are not animals: car and go-kart, boats, buildings, tree and mushroom, cup and teapot; and the clutter.

Built like the animals (`cnnlab.world.animals`): pieces from back to front, varied by random numbers in [0, 1).
"""

from __future__ import annotations

from cnnlab.world.animals import Rand
from cnnlab.world.paths import Piece, arc, blob, cloud, corners, ellipse, limb, rectangle

# One piece for each line reads better than one number for each line.
# fmt: off


def _wheel(x: float, radius: float, ground: float = 1.0) -> list[Piece]:
    y = ground - radius
    return [
        Piece("wheel", ellipse(x, y, radius), "rubber"),
        Piece("wheel", ellipse(x, y, radius * 0.52), "steel"),
        Piece("wheel", ellipse(x, y, radius * 0.16), "rubber"),
    ]


def car(rand: Rand) -> list[Piece]:
    tall, back, r = 0.14 * rand(), 0.2 * rand(), 0.22 + 0.03 * rand()
    top = -0.18 - tall
    return [
        Piece("cabin", corners((-0.66 - back * 0.5, 0.24), (-0.44 - back, top), (0.22, top),
            (0.52, 0.24)), tone=0.92),
        Piece("window", corners((-0.52 - back * 0.4, 0.2), (-0.38 - back * 0.8, top + 0.09), (-0.12, top + 0.09),
            (-0.12, 0.2)), "glass"),
        Piece("window", corners((-0.04, 0.2), (-0.04, top + 0.09), (0.18, top + 0.09), (0.4, 0.2)), "glass"),
        Piece("body", blob([(-0.98, 0.32), (-0.7, 0.2), (0.5, 0.22), (0.9, 0.32), (0.99, 0.56), (0.94, 0.78),
            (-0.94, 0.8), (-1.0, 0.56)], steps=4)),
        Piece("door", rectangle(-0.18, 0.26, 0.3, 0.72), tone=0.86),
        Piece("bumper", rectangle(0.8, 0.66, 1.0, 0.78), "steel"),
        Piece("bumper", rectangle(-1.0, 0.66, -0.82, 0.78), "steel"),
        Piece("light", ellipse(0.9, 0.44, 0.07, 0.06), "lamp"),
        *_wheel(-0.58, r),
        *_wheel(0.58, r),
    ]


def gokart(rand: Rand) -> list[Piece]:
    r, lean = 0.2 + 0.05 * rand(), 0.1 * rand()
    helmet = ("car paint", "white paint", "kart paint")[int(rand() * 3)]
    return [
        Piece("seat", blob([(-0.62, 0.7), (-0.66, 0.04), (-0.5, 0.02), (-0.36, 0.5), (-0.04, 0.56),
            (-0.06, 0.72)]), "dark", 1.4),
        Piece("driver", blob([(-0.48, 0.56), (-0.46, 0.0), (-0.26 + lean, -0.08), (-0.12 + lean, 0.12),
            (-0.06, 0.56)]), "cloth"),
        Piece("driver", limb(-0.28 + lean, 0.1, 0.18, 0.28, 0.07, 0.05), "cloth", 0.8),
        Piece("head", ellipse(-0.28 + lean, -0.26, 0.2, 0.2), helmet),
        Piece("head", corners((-0.22 + lean, -0.32), (-0.08 + lean, -0.32), (-0.1 + lean, -0.18),
            (-0.22 + lean, -0.2)), "glass", 0.5),
        Piece("steering wheel", limb(0.12, 0.42, 0.24, 0.16, 0.03, 0.03), "rubber"),
        Piece("body", corners((-0.9, 0.84), (-0.84, 0.6), (0.1, 0.62), (0.36, 0.46), (0.84, 0.58), (1.0, 0.78),
            (0.98, 0.86))),
        Piece("bumper", rectangle(0.9, 0.72, 1.0, 0.92), "steel"),
        *_wheel(-0.62, r + 0.05),
        *_wheel(0.56, r),
    ]


def sailing_boat(rand: Rand) -> list[Piece]:
    mast, belly, low = 0.04 + 0.1 * rand(), 0.16 * rand(), 0.1 * rand()
    return [
        Piece("mast", rectangle(-0.1, -0.98 + mast, -0.05, 0.62), "wood", 0.8),
        Piece("flag", corners((-0.1, -0.98 + mast), (-0.34, -0.92 + mast), (-0.1, -0.84 + mast)), "cloth"),
        Piece("sail", blob([(-0.14, -0.8 + mast), (-0.12, -0.2), (-0.13, 0.46), (-0.5, 0.48), (-0.8, 0.4),
            (-0.5 - belly, -0.1)], steps=4), "sailcloth", 0.93),
        Piece("sail", blob([(-0.02, -0.84 + mast), (0.28 + belly, -0.3), (0.66, 0.36), (0.3, 0.44), (-0.02, 0.44),
            (-0.02, -0.2)], steps=4), "sailcloth"),
        Piece("hull", corners((-0.92, 0.56 + low), (0.98, 0.5 + low), (0.66, 0.98), (-0.68, 1.0)), "skin"),
        Piece("hull", corners((-0.93, 0.54 + low), (0.99, 0.48 + low), (0.95, 0.57 + low),
            (-0.9, 0.63 + low)), "white paint"),
    ]


def steamboat(rand: Rand) -> list[Piece]:
    two, smoke, tall = rand() < 0.5, 0.2 * rand(), 0.12 * rand()
    funnels = (-0.34, 0.08) if two else (-0.12,)
    pieces = []
    for x in funnels:
        top = -0.52 - tall
        pieces += [
            Piece("funnel", cloud(x - 0.2 - smoke, top - 0.18, 0.26, 0.13, bumps=7), "wool", 0.8),
            Piece("funnel", rectangle(x - 0.1, top, x + 0.1, 0.1), "car paint"),
            Piece("funnel", rectangle(x - 0.11, top - 0.02, x + 0.11, top + 0.1), "rubber"),
        ]
    pieces += [
        Piece("cabin", rectangle(-0.6, 0.0, 0.42, 0.5), "white paint"),
        Piece("cabin", rectangle(-0.66, -0.04, 0.48, 0.04), "white paint", 0.8),
        Piece("mast", rectangle(0.6, -0.34, 0.64, 0.5), "wood", 0.8),
        Piece("flag", corners((0.64, -0.34), (0.9, -0.28), (0.64, -0.18)), "cloth"),
    ]
    pieces += [Piece("window", ellipse(x, 0.24, 0.065), "glass", 0.7) for x in (-0.46, -0.2, 0.06, 0.3)]
    pieces += [
        Piece("hull", corners((-0.98, 0.42), (0.99, 0.38), (0.78, 0.98), (-0.8, 1.0))),
        Piece("hull", corners((-0.96, 0.5), (0.975, 0.46), (0.95, 0.54), (-0.935, 0.58)), "white paint", 0.9),
    ]
    return pieces


def house(rand: Rand) -> list[Piece]:
    eave, wide, chimney = -0.16 + 0.16 * rand(), 0.1 * rand(), 0.36 if rand() < 0.5 else -0.52
    wall = 0.7 + wide
    return [
        Piece("chimney", rectangle(chimney, -0.86, chimney + 0.18, eave), "brick", 0.85),
        Piece("wall", rectangle(-wall, eave, wall, 1.0)),
        Piece("roof", corners((-wall - 0.16, eave + 0.04), (-0.04, -0.96), (0.04, -0.96),
            (wall + 0.16, eave + 0.04)), "roof tiles"),
        Piece("door", rectangle(-0.16, 0.42, 0.16, 1.0), "wood"),
        *(Piece("window", rectangle(x, y, x + 0.28, y + 0.26), "glass") for x in (-0.58, 0.3) for y in (0.12, 0.58)),
        *(Piece("window", rectangle(x + 0.125, y, x + 0.155, y + 0.26), "white paint") for x in (-0.58,
            0.3) for y in (0.12, 0.58)),
        Piece("window", ellipse(0.0, -0.36, 0.11), "glass", 0.8),
    ]


def church(rand: Rand) -> list[Piece]:
    eave, spire = 0.22 + 0.12 * rand(), 0.1 * rand()
    return [
        Piece("wall", rectangle(-0.36, eave, 0.96, 1.0)),
        Piece("roof", corners((-0.4, eave + 0.02), (-0.2, eave - 0.4), (0.82, eave - 0.4),
            (1.0, eave + 0.02)), "slate"),
        Piece("cross", rectangle(-0.59, -1.0, -0.54, -0.78), "lamp", 0.75),
        Piece("cross", rectangle(-0.65, -0.93, -0.48, -0.88), "lamp", 0.75),
        Piece("tower", rectangle(-0.84, -0.28 + spire, -0.28, 1.0), tone=0.93),
        Piece("roof", corners((-0.9, -0.26 + spire), (-0.565, -0.8), (-0.22, -0.26 + spire)), "slate", 0.9),
        Piece("window", ellipse(-0.56, 0.0, 0.1), "glass", 0.6),
        Piece("door", blob([(-0.68, 1.0), (-0.68, 0.72), (-0.56, 0.58), (-0.44, 0.72),
            (-0.44, 1.0)], steps=3), "wood", 0.8),
        *(Piece("window", blob([(x, 0.82), (x, 0.54), (x + 0.08, 0.44), (x + 0.16, 0.54),
            (x + 0.16, 0.82)], steps=3), "glass", 0.7) for x in (-0.1, 0.26, 0.62)),
    ]


def tree(rand: Rand) -> list[Piece]:
    lean, fat, spread = 0.16 * (rand() - 0.5), 0.1 + 0.05 * rand(), 0.16 * rand()
    return [
        Piece("stem", corners((-fat, 1.0), (-fat * 0.6 + lean, -0.1), (fat * 0.6 + lean, -0.1), (fat, 1.0)), "bark"),
        Piece("stem", limb(lean * 0.5, 0.36, 0.36, -0.1, 0.05, 0.03), "bark", 0.9),
        Piece("crown", cloud(lean - 0.4 - spread / 2, -0.12, 0.4, 0.34, bumps=8, phase=rand() * 6), tone=0.82),
        Piece("crown", cloud(lean + 0.42 + spread / 2, -0.1, 0.4, 0.34, bumps=8, phase=rand() * 6), tone=0.9),
        Piece("crown", cloud(lean, -0.46, 0.56 + spread, 0.5, bumps=11, phase=rand() * 6)),
    ]


def mushroom(rand: Rand) -> list[Piece]:
    fat, flat, wide = 0.16 + 0.08 * rand(), 0.2 * rand(), 0.12 * rand()
    spots = [(-0.42, -0.2, 0.1), (-0.08, -0.52 + flat, 0.12), (0.34, -0.3, 0.1), (0.1, -0.12, 0.08),
        (-0.66, 0.04, 0.06), (0.62, 0.0, 0.07)]
    brim = 0.86 + wide
    return [
        Piece("stem", blob([(-fat, 0.1), (-fat * 0.85, 0.5), (-fat * 1.3, 0.96), (0, 1.0), (fat * 1.3, 0.96),
            (fat * 0.85, 0.5), (fat, 0.1)]), "stalk"),
        Piece("stem", blob([(-fat * 1.5, 0.36), (0, 0.28), (fat * 1.5, 0.36), (0, 0.5)]), "stalk", 0.85),
        Piece("cap", ellipse(0, 0.12, brim * 0.9, 0.12), "stalk", 0.7),
        Piece("cap", blob([(-brim, 0.12), (-0.7, -0.34 + flat / 2), (-0.24, -0.74 + flat), (0.24, -0.74 + flat),
            (0.7, -0.34 + flat / 2), (brim, 0.12), (0.4, 0.06), (-0.4, 0.06)])),
        *(Piece("spot", ellipse(x, y, r, r * 0.8), "ivory") for x, y, r in spots),
    ]


def cup(rand: Rand) -> list[Piece]:
    narrow, tall = 0.16 * rand(), 0.14 * rand()
    top = -0.42 - tall
    return [
        Piece("saucer", ellipse(0.0, 0.9, 0.92, 0.1), "china", 0.85),
        Piece("handle", arc(0.52, 0.1, 0.44, 0.28, -110, 110), tone=0.85),
        Piece("body", blob([(-0.7, top), (-0.68, 0.2), (-0.46 + narrow / 2, 0.72), (-0.2, 0.86), (0.2, 0.86),
            (0.46 - narrow / 2, 0.72), (0.68, 0.2), (0.7, top), (0.0, top + 0.02)], steps=4)),
        Piece("rim", ellipse(0.0, top, 0.71, 0.14), tone=1.12),
        Piece("rim", ellipse(0.0, top + 0.01, 0.6, 0.1), "wood", 0.55),
    ]


def teapot(rand: Rand) -> list[Piece]:
    round_, spout = 0.08 * rand(), 0.1 * rand()
    return [
        Piece("spout", blob([(0.34, 0.5), (0.62, 0.36), (0.74, 0.0), (0.92, -0.24 - spout), (1.0, -0.16 - spout),
            (0.9, 0.12), (0.76, 0.52), (0.4, 0.74)]), tone=0.86),
        Piece("handle", arc(-0.56, 0.26, 0.42, 0.29, 90, 275), tone=0.82),
        Piece("body", blob([(-0.62 - round_, 0.3), (-0.46, -0.08), (0.0, -0.2), (0.46, -0.08), (0.62 + round_, 0.3),
            (0.44, 0.8), (0.2, 0.96), (-0.2, 0.96), (-0.44, 0.8)])),
        Piece("lid", blob([(-0.36, -0.12), (-0.26, -0.3), (0.0, -0.38), (0.26, -0.3), (0.36, -0.12),
            (0.0, -0.06)]), tone=1.1),
        Piece("lid", ellipse(0.0, -0.44, 0.09), tone=0.8),
        Piece("rim", ellipse(0.0, 0.96, 0.3, 0.04), tone=0.75),
    ]


def ball(rand: Rand) -> list[Piece]:
    return [Piece("none", ellipse(0, 0, 0.98))]


def stone(rand: Rand) -> list[Piece]:
    return [Piece("none", blob([(-0.9, 0.8), (-0.86, 0.1), (-0.3, -0.5 - 0.3 * rand()), (0.4, -0.4), (0.86, 0.2),
        (0.95, 0.8), (0, 0.95)]))]


def bush(rand: Rand) -> list[Piece]:
    return [Piece("none", cloud(0, 0.3, 0.95, 0.68, bumps=9, phase=rand() * 6))]


def flower(rand: Rand) -> list[Piece]:
    return [Piece("stem", limb(0, 0, 0.1 * rand(), 1.0, 0.06, 0.06), "foliage"), Piece("none", cloud(0, -0.4, 0.55,
        0.55, bumps=6, depth=0.2)), Piece("none", ellipse(0, -0.4, 0.2), "lamp", 0.8)]


def crate(rand: Rand) -> list[Piece]:
    return [Piece("none", rectangle(-0.9, -0.8, 0.9, 1.0)), Piece("none", corners((-0.9, -0.8), (-0.6, -0.8),
        (0.9, 0.8), (0.9, 1.0), (0.6, 1.0), (-0.9, -0.6)), tone=0.7)]


def post(rand: Rand) -> list[Piece]:
    return [Piece("none", rectangle(-0.16, -1.0, 0.16, 1.0))]
