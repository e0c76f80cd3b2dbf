"""The table of things: how each is drawn, and the surfaces that it wears by nature.

`SHAPES` joins the drawings of `animals` and `things` with their own surfaces; `skin_of` resolves what `texture=` may name: the
thing's own surface, another class (its surface is borrowed, which makes a cue conflict), or a surface by its own name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnnlab._validation import one_of
from cnnlab.world import animals, things
from cnnlab.world.names import OBJECTS
from cnnlab.world.outlines import Piece
from cnnlab.world.surfaces import SURFACES, Surface


@dataclass(frozen=True)
class Shape:
    """A thing: its drawing, the surface that it wears by nature, and its usual size beside the others (1 is a sheep)."""

    draw: Callable[[Callable[[], float]], list[Piece]]
    skin: str
    size: float = 1.0


SHAPES: dict[str, Shape] = {
    "sheep": Shape(animals.sheep, "wool"),
    "goat": Shape(animals.goat, "goat hair"),
    "wolf": Shape(animals.wolf, "grey fur"),
    "husky": Shape(animals.husky, "black fur"),
    "elephant": Shape(animals.elephant, "wrinkled hide", 1.1),
    "rhinoceros": Shape(animals.rhinoceros, "plated hide", 1.05),
    "bird": Shape(animals.bird, "feathers", 0.9),
    "duck": Shape(animals.duck, "down", 0.9),
    "fish": Shape(animals.fish, "scales", 0.95),
    "whale": Shape(animals.whale, "whale skin", 1.1),
    "car": Shape(things.car, "car paint"),
    "go-kart": Shape(things.gokart, "kart paint", 0.95),
    "sailing boat": Shape(things.sailing_boat, "wood", 1.05),
    "steamboat": Shape(things.steamboat, "ship paint", 1.05),
    "house": Shape(things.house, "plaster", 1.05),
    "church": Shape(things.church, "ashlar", 1.1),
    "tree": Shape(things.tree, "foliage", 1.1),
    "mushroom": Shape(things.mushroom, "toadstool", 0.9),
    "cup": Shape(things.cup, "china", 0.85),
    "teapot": Shape(things.teapot, "dotted china", 0.9),
}
CLUTTER_SHAPES: dict[str, Shape] = {
    "ball": Shape(things.ball, "rubber ball", 0.16),
    "stone": Shape(things.stone, "pebble", 0.2),
    "bush": Shape(things.bush, "foliage", 0.28),
    "flower": Shape(things.flower, "petals", 0.18),
    "crate": Shape(things.crate, "wood", 0.22),
    "post": Shape(things.post, "wood", 0.34),
}


def skin_of(shape: str, texture: str) -> Surface:
    """The surface that `shape` wears when `texture` is "own", the name of a class, or the name of a surface."""
    if texture == "own":
        return SURFACES[SHAPES[shape].skin]
    if texture in SHAPES:
        return SURFACES[SHAPES[texture].skin]
    return SURFACES[one_of(texture, ("own", *OBJECTS, *SURFACES), "texture")]
