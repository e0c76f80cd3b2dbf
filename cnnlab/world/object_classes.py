"""Object classes: how each is drawn, and the surfaces that it has by default.

`OBJECT_CLASSES` joins the shapes of `animals` and `objects` with their own surfaces; `surface_of` resolves the argument `texture`: the
object's own surface, that of another class (a cue conflict), or a surface by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnnlab._validation import one_of
from cnnlab.world import animals, objects
from cnnlab.world.names import OBJECTS
from cnnlab.world.paths import Piece
from cnnlab.world.surfaces import SURFACES, Surface


@dataclass(frozen=True)
class ObjectClass:
    """An object class: its shape, its own surface, and its usual size relative to the others (1 is a sheep)."""

    draw: Callable[[Callable[[], float]], list[Piece]]
    surface: str
    size: float = 1.0


OBJECT_CLASSES: dict[str, ObjectClass] = {
    "sheep": ObjectClass(animals.sheep, "wool"),
    "goat": ObjectClass(animals.goat, "goat hair"),
    "wolf": ObjectClass(animals.wolf, "grey fur"),
    "husky": ObjectClass(animals.husky, "black fur"),
    "elephant": ObjectClass(animals.elephant, "wrinkled hide", 1.1),
    "rhinoceros": ObjectClass(animals.rhinoceros, "plated hide", 1.05),
    "bird": ObjectClass(animals.bird, "feathers", 0.9),
    "duck": ObjectClass(animals.duck, "down", 0.9),
    "fish": ObjectClass(animals.fish, "scales", 0.95),
    "whale": ObjectClass(animals.whale, "whale skin", 1.1),
    "car": ObjectClass(objects.car, "car paint"),
    "go-kart": ObjectClass(objects.gokart, "kart paint", 0.95),
    "sailing boat": ObjectClass(objects.sailing_boat, "wood", 1.05),
    "steamboat": ObjectClass(objects.steamboat, "ship paint", 1.05),
    "house": ObjectClass(objects.house, "plaster", 1.05),
    "church": ObjectClass(objects.church, "ashlar", 1.1),
    "tree": ObjectClass(objects.tree, "foliage", 1.1),
    "mushroom": ObjectClass(objects.mushroom, "toadstool", 0.9),
    "cup": ObjectClass(objects.cup, "china", 0.85),
    "teapot": ObjectClass(objects.teapot, "dotted china", 0.9),
}
CLUTTER_CLASSES: dict[str, ObjectClass] = {
    "ball": ObjectClass(objects.ball, "rubber ball", 0.16),
    "stone": ObjectClass(objects.stone, "pebble", 0.2),
    "bush": ObjectClass(objects.bush, "foliage", 0.28),
    "flower": ObjectClass(objects.flower, "petals", 0.18),
    "crate": ObjectClass(objects.crate, "wood", 0.22),
    "post": ObjectClass(objects.post, "wood", 0.34),
}


def surface_of(shape: str, texture: str) -> Surface:
    """The surface of `shape` when `texture` is "own", the name of a class, or the name of a surface."""
    if texture == "own":
        return SURFACES[OBJECT_CLASSES[shape].surface]
    if texture in OBJECT_CLASSES:
        return SURFACES[OBJECT_CLASSES[texture].surface]
    return SURFACES[one_of(texture, ("own", *OBJECTS, *SURFACES), "texture")]
