"""The animals: sheep and goat, wolf and husky, elephant and rhinoceros, bird and duck, fish and whale.

Each function draws one animal from random numbers in [0, 1) that vary its build (`rand()` returns the next one), and returns
its pieces from back to front. Pairs share their pose and differ in parts: horns and beard, tail and mask, trunk and tusk.
"""

from __future__ import annotations

from collections.abc import Callable

from cnnlab.world.paths import Piece, arc, blob, cloud, corners, ellipse, limb

Rand = Callable[[], float]


# One piece for each line reads better than one number for each line.
# fmt: off


def _legs(xs: tuple[float, ...], top: float, half: float, material: str, *, stride: float, foot: str = "dark",
    ground: float = 1.0) -> list[Piece]:
    """Four legs, the far pair darker; `stride` leans them against each other."""
    pieces = []
    for number, x in enumerate(xs):
        far = number % 2 == 0
        lean = stride * (1 if number in (0, 3) else -1)
        end = ground - (0.05 if far else 0.0)
        pieces.append(Piece("leg", limb(x, top, x + lean, end - 0.06, half, half * 0.7), material,
            0.72 if far else 0.95))
        pieces.append(Piece("foot", limb(x + lean, end - 0.1, x + lean, end, half * 0.75, half * 0.95), foot,
            0.8 if far else 1.0))
    return pieces


def sheep(rand: Rand) -> list[Piece]:
    fat, low, stride = 0.05 * rand(), 0.12 * rand(), 0.12 * (rand() - 0.5)
    face = "dark" if rand() < 0.5 else "ivory"
    hx, hy = 0.68, -0.3 + 0.25 * rand()
    return [
        *_legs((-0.52, -0.36, 0.22, 0.38), 0.3, 0.06, face, stride=stride),
        Piece("tail", cloud(-0.76, 0.02, 0.13, 0.16, bumps=6), tone=0.92),
        Piece("body", cloud(-0.1, -0.06 + low / 2, 0.66 + fat, 0.47 + fat, bumps=13, phase=rand() * 6)),
        Piece("ear", ellipse(hx - 0.2, hy - 0.06, 0.14, 0.06, turn=-25), face, 0.85),
        Piece("head", blob([(hx - 0.16, hy - 0.2), (hx + 0.1, hy - 0.16), (hx + 0.24, hy + 0.16),
            (hx + 0.16, hy + 0.3), (hx - 0.02, hy + 0.26), (hx - 0.18, hy + 0.06)]), face),
        Piece("head", cloud(hx - 0.04, hy - 0.18, 0.18, 0.13, bumps=7), tone=1.04),
        Piece("eye", ellipse(hx + 0.06, hy - 0.02, 0.032), "lamp" if face == "dark" else "eye"),
        Piece("muzzle", ellipse(hx + 0.18, hy + 0.21, 0.045, 0.03), "dark", 1.3),
    ]


def goat(rand: Rand) -> list[Piece]:
    thin, stride, horn = 0.05 * rand(), 0.14 * (rand() - 0.5), 0.26 + 0.12 * rand()
    hx, hy = 0.66, -0.5 + 0.18 * rand()
    return [
        *_legs((-0.5, -0.38, 0.24, 0.36), 0.1, 0.07, "skin", stride=stride),
        Piece("tail", blob([(-0.66, -0.22), (-0.84, -0.5), (-0.72, -0.46), (-0.58, -0.26)]), tone=0.9),
        Piece("body", blob([(-0.66, -0.24), (-0.3, -0.3), (0.2, -0.28), (0.42, -0.3), (0.46, 0.02),
            (0.3, 0.24 - thin), (-0.2, 0.2 - thin), (-0.6, 0.22), (-0.72, 0.0)])),
        Piece("neck", corners((0.16, -0.26), (hx - 0.18, hy - 0.1), (hx + 0.06, hy + 0.14), (0.46, 0.02)), tone=0.97),
        Piece("horn", arc(hx - 0.3, hy - 0.02, horn + 0.05, horn - 0.06, -20, -150, tip=0.15), "horn", 0.8),
        Piece("horn", arc(hx - 0.22, hy - 0.04, horn + 0.05, horn - 0.06, -20, -150, tip=0.15), "horn"),
        Piece("ear", ellipse(hx - 0.2, hy + 0.02, 0.15, 0.055, turn=18), tone=0.82),
        Piece("beard", corners((hx + 0.08, hy + 0.18), (hx + 0.26, hy + 0.16), (hx + 0.16, hy + 0.48)), tone=0.75),
        Piece("head", blob([(hx - 0.16, hy - 0.14), (hx + 0.06, hy - 0.14), (hx + 0.3, hy + 0.06),
            (hx + 0.3, hy + 0.18), (hx + 0.1, hy + 0.22), (hx - 0.14, hy + 0.1)])),
        Piece("eye", ellipse(hx + 0.03, hy - 0.02, 0.03), "eye"),
        Piece("muzzle", ellipse(hx + 0.28, hy + 0.11, 0.035, 0.03), "dark"),
    ]


def _canine_head(hx: float, hy: float, mask: str, eye: str) -> list[Piece]:
    """A head with upright ears; `mask` is the surface of cheek and muzzle."""
    return [
        Piece("ear", corners((hx - 0.2, hy - 0.1), (hx - 0.14, hy - 0.42), (hx + 0.0, hy - 0.14)), tone=0.75),
        Piece("head", blob([(hx - 0.24, hy + 0.0), (hx - 0.1, hy - 0.2), (hx + 0.12, hy - 0.18),
            (hx + 0.22, hy - 0.02), (hx + 0.14, hy + 0.18), (hx - 0.12, hy + 0.22)])),
        Piece("ear", corners((hx - 0.06, hy - 0.14), (hx + 0.06, hy - 0.44), (hx + 0.16, hy - 0.12))),
        Piece("muzzle", blob([(hx + 0.06, hy + 0.0), (hx + 0.36, hy + 0.03), (hx + 0.4, hy + 0.1),
            (hx + 0.34, hy + 0.17), (hx + 0.04, hy + 0.2), (hx - 0.1, hy + 0.16)]), mask),
        Piece("muzzle", ellipse(hx + 0.38, hy + 0.06, 0.045, 0.04), "eye"),
        Piece("eye", ellipse(hx + 0.08, hy - 0.05, 0.034), eye),
    ]


def wolf(rand: Rand) -> list[Piece]:
    stride, low, sag = 0.2 * (rand() - 0.5), 0.18 * rand(), 0.06 * rand()
    hx, hy = 0.62, -0.4 + low
    return [
        Piece("tail", blob([(-0.6, -0.2), (-0.74, -0.1), (-0.92, 0.28), (-0.84, 0.56), (-0.72, 0.34),
            (-0.56, 0.06)]), tone=0.86),
        *_legs((-0.5, -0.36, 0.2, 0.34), 0.06, 0.075, "skin", stride=stride),
        Piece("body", blob([(-0.66, -0.22), (-0.2, -0.2 + sag), (0.26, -0.34), (0.5, -0.28), (0.48, 0.08),
            (0.24, 0.24), (-0.16, 0.1), (-0.54, 0.18), (-0.7, 0.0)])),
        Piece("belly", blob([(0.3, 0.22), (0.0, 0.16), (-0.16, 0.1), (0.06, 0.06), (0.3, 0.1)]), tone=1.25),
        Piece("neck", corners((0.18, -0.3), (hx - 0.14, hy - 0.14), (hx + 0.04, hy + 0.2), (0.46, 0.08)), tone=0.94),
        *_canine_head(hx, hy, "skin", "lamp"),
    ]


def husky(rand: Rand) -> list[Piece]:
    stride, low = 0.18 * (rand() - 0.5), 0.1 * rand()
    hx, hy = 0.58, -0.46 + low
    return [
        *_legs((-0.46, -0.32, 0.2, 0.34), 0.1, 0.085, "white fur", stride=stride),
        Piece("tail", arc(-0.5, -0.36, 0.36, 0.14, 120, 330, tip=0.4), tone=0.95),
        Piece("body", blob([(-0.62, -0.22), (-0.2, -0.28), (0.26, -0.36), (0.48, -0.3), (0.48, 0.1), (0.24, 0.3),
            (-0.2, 0.22), (-0.54, 0.24), (-0.68, 0.02)])),
        Piece("belly", blob([(0.46, 0.0), (0.4, 0.24), (0.1, 0.3), (-0.3, 0.22), (-0.5, 0.22), (-0.2, 0.1),
            (0.2, 0.08)]), "white fur"),
        Piece("neck", corners((0.16, -0.34), (hx - 0.16, hy - 0.1), (hx + 0.02, hy + 0.2), (0.46, 0.06)), tone=0.97),
        *_canine_head(hx, hy, "white fur", "blue eye"),
    ]


def elephant(rand: Rand) -> list[Piece]:
    stride, swing, flap = 0.1 * (rand() - 0.5), 0.24 * (rand() - 0.4), 0.06 * rand()
    return [
        *_legs((-0.56, -0.36, 0.08, 0.26), 0.1, 0.13, "skin", stride=stride, foot="ivory"),
        Piece("tail", limb(-0.74, -0.2, -0.84, 0.34, 0.035, 0.02), tone=0.8),
        Piece("body", blob([(-0.78, -0.1), (-0.6, -0.48), (-0.1, -0.58), (0.3, -0.5), (0.42, -0.1), (0.3, 0.28),
            (-0.2, 0.36), (-0.66, 0.26)])),
        Piece("trunk", blob([(0.62, -0.28), (0.86, -0.1), (0.88, 0.3), (0.86 + swing, 0.74), (0.76 + swing, 0.76),
            (0.74, 0.36), (0.66, 0.12), (0.52, 0.06)]), tone=0.95),
        Piece("tusk", corners((0.6, 0.1), (0.72, 0.12), (0.98, 0.32), (0.94, 0.36), (0.64, 0.22)), "ivory"),
        Piece("head", blob([(0.3, -0.5), (0.5, -0.64), (0.74, -0.52), (0.84, -0.2), (0.72, 0.12), (0.46, 0.14),
            (0.28, -0.1)])),
        Piece("ear", blob([(0.44, -0.48), (0.16, -0.6 - flap), (-0.04, -0.3), (0.04, 0.1), (0.22, 0.2 + flap),
            (0.4, 0.0), (0.48, -0.24)]), tone=0.86),
        Piece("eye", ellipse(0.62, -0.24, 0.034), "eye"),
    ]


def rhinoceros(rand: Rand) -> list[Piece]:
    stride, low, horn = 0.1 * (rand() - 0.5), 0.14 * rand(), 0.24 + 0.16 * rand()
    hx, hy = 0.62, -0.06 + low
    return [
        *_legs((-0.58, -0.4, 0.14, 0.3), 0.26, 0.12, "skin", stride=stride, foot="ivory"),
        Piece("tail", limb(-0.78, -0.14, -0.88, 0.26, 0.04, 0.025), tone=0.8),
        Piece("body", blob([(-0.8, -0.06), (-0.62, -0.38), (-0.2, -0.36), (0.18, -0.5), (0.42, -0.32), (0.46, 0.1),
            (0.28, 0.42), (-0.26, 0.44), (-0.7, 0.34)])),
        Piece("neck", corners((0.2, -0.46), (hx, hy - 0.26), (hx + 0.06, hy + 0.26), (0.36, 0.36)), tone=0.9),
        Piece("horn", corners((hx + 0.24, hy - 0.06), (hx + 0.34, hy - 0.1 - horn), (hx + 0.4, hy + 0.02)), "horn"),
        Piece("horn", corners((hx + 0.06, hy - 0.16), (hx + 0.14, hy - 0.16 - horn * 0.55),
            (hx + 0.22, hy - 0.1)), "horn", 0.9),
        Piece("head", blob([(hx - 0.18, hy - 0.24), (hx + 0.1, hy - 0.2), (hx + 0.38, hy - 0.02),
            (hx + 0.42, hy + 0.16), (hx + 0.3, hy + 0.26), (hx - 0.1, hy + 0.26)])),
        Piece("ear", ellipse(hx - 0.12, hy - 0.3, 0.06, 0.12, turn=-18), tone=0.85),
        Piece("eye", ellipse(hx + 0.1, hy - 0.04, 0.03), "eye"),
        Piece("muzzle", ellipse(hx + 0.36, hy + 0.14, 0.03, 0.025), "dark"),
    ]


def bird(rand: Rand) -> list[Piece]:
    lift, droop = 0.4 * rand(), 0.14 * rand()
    return [
        Piece("leg", limb(-0.02, 0.4, -0.08, 0.9, 0.025, 0.02), "beak", 0.7),
        Piece("foot", limb(-0.16, 0.93, 0.06, 0.93, 0.03, 0.03), "beak", 0.7),
        Piece("leg", limb(0.12, 0.4, 0.1, 0.95, 0.025, 0.02), "beak", 0.85),
        Piece("foot", limb(0.02, 0.98, 0.26, 0.98, 0.03, 0.03), "beak", 0.85),
        Piece("tail", corners((-0.4, 0.02), (-0.98, 0.1 + droop), (-0.96, 0.3 + droop), (-0.36, 0.3)), tone=0.78),
        Piece("body", blob([(-0.48, 0.06), (-0.1, -0.18), (0.3, -0.34), (0.54, -0.1), (0.46, 0.28), (0.16, 0.5),
            (-0.24, 0.4)])),
        Piece("belly", blob([(0.5, 0.02), (0.44, 0.3), (0.14, 0.5), (-0.1, 0.44), (0.16, 0.3)]), "down"),
        Piece("beak", corners((0.74, -0.52), (1.0, -0.4), (0.72, -0.3)), "beak"),
        Piece("head", ellipse(0.48, -0.42, 0.29)),
        Piece("wing", blob([(0.26, -0.12), (0.02, -0.16 - lift), (-0.6, -0.1 - lift), (-0.62, 0.14), (-0.16, 0.3),
            (0.18, 0.2)]), tone=0.7),
        Piece("eye", ellipse(0.58, -0.46, 0.05), "eye"),
    ]


def duck(rand: Rand) -> list[Piece]:
    neck, tail = 0.12 * rand(), 0.1 * rand()
    head = "foliage" if rand() < 0.5 else "skin"
    return [
        Piece("leg", limb(-0.14, 0.6, -0.14, 0.9, 0.04, 0.04), "beak", 0.75),
        Piece("foot", corners((-0.2, 0.9), (-0.08, 0.88), (0.08, 1.0), (-0.2, 1.0)), "beak", 0.75),
        Piece("leg", limb(0.08, 0.6, 0.08, 0.9, 0.04, 0.04), "beak", 0.9),
        Piece("foot", corners((0.02, 0.9), (0.14, 0.88), (0.32, 1.0), (0.02, 1.0)), "beak", 0.9),
        Piece("body", blob([(-0.96, -0.12 - tail), (-0.6, 0.1), (-0.2, 0.04), (0.2, 0.06), (0.54, 0.1),
            (0.58, 0.42), (0.3, 0.68), (-0.3, 0.7), (-0.76, 0.44)])),
        Piece("neck", blob([(0.24, 0.3), (0.26, -0.1), (0.24, -0.5 - neck), (0.5, -0.52 - neck), (0.54, -0.1),
            (0.62, 0.3)])),
        Piece("neck", corners((0.235, -0.1), (0.55, -0.1), (0.56, -0.02), (0.235, -0.02)), "ivory"),
        Piece("beak", blob([(0.6, -0.66 - neck), (0.8, -0.58 - neck), (1.0, -0.56 - neck), (0.98, -0.46 - neck),
            (0.76, -0.46 - neck), (0.6, -0.48 - neck)]), "beak"),
        Piece("head", ellipse(0.44, -0.62 - neck, 0.27, 0.23), head, 0.9),
        Piece("wing", blob([(-0.7, 0.2), (-0.3, 0.14), (0.16, 0.18), (0.24, 0.36), (-0.04, 0.52),
            (-0.44, 0.46)]), tone=0.76),
        Piece("eye", ellipse(0.52, -0.68 - neck, 0.042), "eye"),
    ]


def fish(rand: Rand) -> list[Piece]:
    tall, fork = 0.1 * rand(), 0.1 * rand()
    return [
        Piece("tail", corners((-0.5, 0.0), (-0.98, -0.42 - fork), (-0.84, 0.02), (-0.96, 0.44 + fork),
            (-0.5, 0.08)), tone=0.8),
        Piece("fin", blob([(-0.28, -0.3), (-0.1, -0.66 - tall), (0.3, -0.56), (0.34, -0.28)]), tone=0.8),
        Piece("fin", blob([(-0.2, 0.32), (-0.2, 0.62 + tall), (0.06, 0.5), (0.16, 0.32)]), tone=0.74),
        Piece("body", blob([(-0.62, -0.05), (-0.3, -0.32 - tall / 2), (0.2, -0.42 - tall), (0.66, -0.26),
            (0.92, 0.02), (0.68, 0.26), (0.2, 0.42 + tall), (-0.3, 0.32 + tall / 2), (-0.62, 0.08)])),
        Piece("head", blob([(0.56, -0.28), (0.78, -0.18), (0.92, 0.02), (0.78, 0.2), (0.56, 0.28),
            (0.48, 0.0)]), tone=1.15),
        Piece("fin", blob([(0.26, 0.04), (-0.08, 0.1), (-0.02, 0.26), (0.24, 0.18)]), tone=0.7),
        Piece("eye", ellipse(0.7, -0.07, 0.075), "ivory"),
        Piece("eye", ellipse(0.71, -0.07, 0.042), "eye"),
    ]


def whale(rand: Rand) -> list[Piece]:
    rise, fat = 0.16 * rand(), 0.08 * rand()
    return [
        Piece("tail", blob([(-0.74, -0.2 - rise), (-1.0, -0.52 - rise), (-0.78, -0.44 - rise),
            (-0.66, -0.34 - rise), (-0.46, -0.56 - rise), (-0.52, -0.3 - rise), (-0.62, -0.1)]), tone=0.9),
        Piece("body", blob([(-0.7, -0.3 - rise), (-0.5, -0.12), (-0.1, -0.36), (0.4, -0.46 - fat), (0.86, -0.26),
            (0.98, 0.1), (0.84, 0.4), (0.3, 0.52 + fat), (-0.3, 0.4), (-0.64, 0.06)])),
        Piece("belly", blob([(0.96, 0.16), (0.84, 0.4), (0.3, 0.52 + fat), (-0.26, 0.4), (0.1, 0.34),
            (0.56, 0.28)]), "pale skin"),
        Piece("fin", blob([(0.34, 0.3), (0.12, 0.44), (0.0, 0.74), (0.26, 0.62), (0.46, 0.4)]), tone=0.75),
        Piece("eye", ellipse(0.74, 0.1, 0.035), "eye"),
    ]
