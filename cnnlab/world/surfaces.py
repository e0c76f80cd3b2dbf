"""Surfaces: the material of an object, the texture on it, and its possible colours.

A surface joins a material, a texture and a list of colour pairs (where the pattern is dark, where it is light). It can be
combined with any shape: a cup of wool, an elephant with a sheep's curls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Surface:
    """A material with its texture; `colours` are pairs (dark, light) in RGB bytes, `zoom` the size of the pattern."""

    material: str
    texture: str
    colours: tuple[tuple[Colour, Colour], ...]
    zoom: float = 1.0


@dataclass(frozen=True)
class Paint:
    """One surface on one object: a colour pair, and a random position and rotation of the tile."""

    material: str
    texture: str
    dark: tuple[float, float, float]
    light: tuple[float, float, float]
    zoom: float
    turn: int
    shift: tuple[int, int]
    ramp: float = 0.0

    def with_tone(self, tone: float) -> Paint:
        """The same paint, darker (`tone` below 1) or lighter."""
        scale = lambda colour: tuple(min(255.0, c * tone) for c in colour)  # noqa: E731
        return Paint(
            self.material,
            self.texture,
            scale(self.dark),
            scale(self.light),
            self.zoom,
            self.turn,
            self.shift,
            self.ramp,
        )


def mix(surface: Surface, rng: np.random.Generator, *, ramp: float = 0.0, variation: float = 14.0) -> Paint:
    """A paint of this surface: one of its colour pairs, shifted a little as a whole. With `ramp` it fades from top to bottom."""
    draws = rng.random(8)
    dark, light = surface.colours[int(draws[0] * len(surface.colours))]
    # One shift of brightness for both, and a smaller one for each channel, so that a pair stays a pair.
    shift = (draws[1] - 0.5) * 2 * variation + (draws[2:5] - 0.5) * variation
    dark = tuple(min(255.0, max(0.0, c + s)) for c, s in zip(dark, shift.tolist(), strict=True))
    light = tuple(min(255.0, max(0.0, c + s)) for c, s in zip(light, shift.tolist(), strict=True))
    offset = (int(draws[5] * 512), int(draws[6] * 512))
    return Paint(
        surface.material, surface.texture, dark, light, surface.zoom, int(draws[7] * 2), offset, ramp
    )


# One or two lines for each surface.
# fmt: off
SURFACES: dict[str, Surface] = {
    "wool": Surface("wool", "curly", (((150, 140, 122), (250, 245, 232)), ((120, 108, 92), (226, 212, 188)),
        ((60, 52, 48), (128, 114, 104))), 0.75),
    "goat hair": Surface("fur", "shaggy", (((92, 66, 44), (198, 164, 124)), ((150, 140, 128), (244, 238, 226)),
        ((48, 42, 40), (122, 106, 94))), 0.9),
    "grey fur": Surface("fur", "hairy", (((70, 66, 62), (172, 160, 146)), ((92, 74, 56), (184, 158, 126)),
        ((54, 54, 58), (148, 148, 150)))),
    "black fur": Surface("fur", "hairy", (((26, 28, 34), (104, 108, 118)), ((58, 62, 72), (148, 154, 164)),
        ((72, 46, 34), (158, 110, 82)))),
    "white fur": Surface("fur", "hairy", (((196, 194, 190), (255, 254, 250)),)),
    "wrinkled hide": Surface("hide", "wrinkled", (((92, 90, 92), (168, 164, 162)), ((104, 92, 82), (178, 160, 144)))),
    "plated hide": Surface("hide", "cracked", (((58, 54, 52), (156, 150, 142)), ((70, 60, 48),
        (168, 148, 122))), 0.8),
    "feathers": Surface(
        "feather",
        "feathered",
        (((30, 70, 150), (112, 166, 226)), ((140, 36, 30), (232, 104, 74)), ((150, 112, 20), (250, 214, 84)),
            ((64, 50, 38), (160, 128, 96))),
        0.7,
    ),
    "down": Surface("feather", "hairy", (((184, 178, 166), (252, 250, 244)), ((112, 86, 58), (188, 154, 112)),
        ((168, 142, 60), (250, 226, 120))), 0.6),
    "scales": Surface(
        "scale",
        "scaly",
        (((160, 70, 12), (252, 168, 52)), ((36, 86, 110), (140, 206, 216)), ((130, 30, 50), (240, 120, 120)),
            ((84, 92, 30), (196, 206, 96))),
        0.65,
    ),
    "whale skin": Surface("skin", "plain", (((34, 52, 78), (92, 118, 150)), ((30, 34, 42), (88, 94, 106)),
        ((64, 84, 98), (136, 158, 168)))),
    "pale skin": Surface("skin", "striped", (((168, 176, 184), (226, 230, 232)),), 0.5),
    "flesh": Surface("skin", "plain", (((190, 138, 110), (236, 190, 160)), ((96, 62, 44), (150, 104, 78)))),
    "horn": Surface("horn", "striped", (((96, 84, 66), (206, 192, 160)),), 0.5),
    "ivory": Surface("horn", "plain", (((214, 204, 178), (250, 246, 230)),)),
    "beak": Surface("horn", "plain", (((214, 128, 12), (255, 186, 50)),)),
    "dark": Surface("skin", "plain", (((26, 22, 22), (62, 54, 52)),)),
    "eye": Surface("glass", "plain", (((8, 8, 12), (26, 24, 30)),)),
    "blue eye": Surface("glass", "plain", (((70, 150, 220), (130, 200, 255)),)),
    "car paint": Surface(
        "metal",
        "brushed",
        (((150, 18, 22), (232, 60, 54)), ((18, 54, 128), (70, 124, 210)), ((196, 148, 10), (252, 210, 60)),
            ((150, 154, 160), (232, 236, 240)), ((24, 94, 60), (80, 168, 116))),
    ),
    "kart paint": Surface(
        "plastic", "checkered", (((170, 24, 20), (246, 240, 232)), ((20, 60, 150), (240, 200, 40)), ((30, 120, 60),
            (245, 245, 240)), ((30, 30, 34), (240, 150, 30))), 0.45
    ),
    "steel": Surface("metal", "brushed", (((86, 90, 98), (182, 188, 196)),)),
    "ship paint": Surface("metal", "plain", (((24, 28, 36), (66, 72, 84)), ((130, 26, 24), (190, 62, 52)),
        ((40, 70, 96), (88, 124, 152)))),
    "white paint": Surface("metal", "plain", (((206, 208, 206), (252, 252, 248)),)),
    "rubber": Surface("rubber", "grainy", (((18, 18, 20), (62, 62, 66)),), 0.6),
    "glass": Surface("glass", "plain", (((76, 112, 140), (186, 216, 232)),)),
    "lamp": Surface("glass", "plain", (((240, 214, 120), (255, 248, 200)),)),
    "wood": Surface("wood", "grained", (((92, 54, 26), (182, 124, 72)), ((122, 84, 48), (214, 170, 116)),
        ((58, 36, 22), (128, 86, 54))), 0.6),
    "bark": Surface("wood", "shaggy", (((48, 34, 24), (132, 102, 74)), ((84, 76, 68), (170, 160, 148))), 0.6),
    "sailcloth": Surface("cloth", "woven", (((208, 202, 186), (254, 252, 244)), ((176, 60, 44), (232, 120, 92)),
        ((52, 92, 140), (130, 170, 208))), 0.7),
    "cloth": Surface("cloth", "striped", (((170, 30, 40), (240, 232, 220)), ((30, 70, 130), (236, 238, 240)),
        ((30, 110, 70), (230, 220, 120))), 0.5),
    "brick": Surface("brick", "bricked", (((128, 48, 34), (216, 186, 166)), ((150, 96, 60), (226, 206, 180))), 0.55),
    "ashlar": Surface("stone", "bricked", (((136, 132, 124), (206, 202, 192)), ((160, 144, 112),
        (226, 212, 182))), 0.8),
    "roof tiles": Surface("tile", "shingled", (((106, 38, 26), (206, 100, 68)), ((54, 58, 66),
        (132, 136, 146))), 0.55),
    "slate": Surface("tile", "scaly", (((44, 52, 64), (124, 136, 150)),), 0.6),
    "plaster": Surface("plaster", "cloudy", (((206, 192, 158), (240, 230, 206)), ((190, 200, 206), (230, 236, 238)),
        ((214, 170, 150), (244, 212, 196)))),
    "foliage": Surface("leaf", "leafy", (((26, 66, 22), (126, 176, 70)), ((48, 76, 16), (168, 190, 72)),
        ((120, 62, 14), (232, 158, 52))), 0.6),
    "toadstool": Surface("flesh", "plain", (((158, 22, 18), (226, 62, 44)), ((130, 78, 36), (196, 140, 84)),
        ((190, 100, 20), (240, 164, 62)))),
    "stalk": Surface("flesh", "hairy", (((196, 186, 162), (248, 242, 226)),), 0.6),
    "china": Surface(
        "ceramic", "plain", (((196, 202, 208), (252, 252, 250)), ((30, 84, 150), (104, 160, 216)), ((176, 64, 44),
            (232, 130, 96)), ((40, 120, 104), (116, 190, 168)))
    ),
    "dotted china": Surface(
        "ceramic", "dotted", (((226, 222, 212), (40, 80, 160)), ((200, 46, 50), (250, 246, 238)), ((52, 130, 110),
            (248, 244, 226)), ((236, 190, 70), (150, 50, 40))), 0.4
    ),
    "stripes": Surface("cloth", "striped", (((20, 20, 22), (246, 246, 240)),)),
    "pebble": Surface("stone", "grainy", (((88, 84, 80), (170, 164, 156)), ((110, 92, 76), (184, 164, 142)))),
    "rubber ball": Surface("rubber", "striped", (((196, 30, 60), (250, 240, 230)), ((20, 100, 190), (250, 214, 60)),
        ((120, 40, 150), (236, 180, 230))), 0.9),
    "petals": Surface("leaf", "plain", (((196, 40, 110), (250, 130, 180)), ((226, 170, 10), (255, 232, 90)),
        ((120, 60, 180), (190, 140, 240)))),
    "grass": Surface("grass", "grassy", (((38, 82, 22), (136, 186, 66)), ((62, 92, 26), (176, 192, 88)),
        ((30, 70, 36), (104, 160, 84)))),
    "far hills": Surface("grass", "cloudy", (((70, 112, 70), (128, 164, 112)), ((84, 116, 96), (140, 166, 140)))),
    "boulders": Surface("stone", "rocky", (((62, 58, 54), (184, 176, 164)), ((84, 66, 50), (196, 166, 134)))),
    "cliff": Surface("stone", "cracked", (((64, 60, 62), (150, 144, 140)), ((92, 72, 58), (170, 144, 120))), 1.3),
    "sand": Surface("sand", "grainy", (((190, 158, 106), (244, 222, 172)), ((204, 178, 138), (248, 234, 200)))),
    "dune": Surface("sand", "rippled", (((178, 118, 62), (232, 176, 108)), ((190, 146, 88), (240, 206, 146)))),
    "snow": Surface("snow", "grainy", (((202, 214, 232), (255, 255, 255)), ((186, 202, 226), (244, 248, 255)))),
    "sea": Surface("water", "rippled", (((16, 66, 104), (96, 164, 190)), ((22, 84, 96), (120, 190, 186)),
        ((40, 60, 84), (128, 150, 170)))),
    "clear air": Surface("air", "cloudy", (((88, 150, 220), (190, 220, 246)), ((120, 170, 214), (226, 238, 246)),
        ((150, 160, 176), (214, 218, 224)))),
    "dusk air": Surface("air", "cloudy", (((226, 130, 80), (252, 206, 142)), ((196, 150, 170), (250, 216, 196)))),
    "cloud": Surface("air", "cloudy", (((206, 214, 226), (255, 255, 255)), ((182, 188, 200), (240, 242, 246)))),
    "asphalt": Surface("asphalt", "grainy", (((52, 54, 58), (112, 114, 118)), ((78, 76, 76), (134, 132, 130)))),
    "line paint": Surface("plaster", "plain", (((206, 200, 180), (246, 242, 226)),)),
    "wallpaper": Surface("paper", "striped", (((196, 170, 128), (232, 214, 178)), ((150, 176, 180),
        (204, 222, 222)), ((190, 140, 140), (232, 200, 194))), 0.8),
    "dotted paper": Surface("paper", "dotted", (((206, 198, 170), (150, 112, 90)), ((160, 186, 170),
        (232, 238, 226))), 0.7),
    "floorboards": Surface("wood", "grained", (((110, 68, 36), (190, 134, 82)), ((140, 104, 66), (220, 182, 132)),
        ((72, 48, 34), (146, 106, 78)))),
    "thicket": Surface("leaf", "leafy", (((16, 44, 18), (86, 130, 54)), ((30, 56, 14), (122, 146, 52)))),
    "litter": Surface("soil", "leafy", (((66, 42, 22), (168, 116, 60)), ((52, 46, 26), (134, 122, 66))), 0.8),
}
"""Every surface by its name. Colours are RGB bytes."""
