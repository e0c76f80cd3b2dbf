"""Recipe of a picture: everything that defines it, as a plain value.

Random numbers come in separate streams, one for each aspect (scene, build of the object, light, clutter ...), all from one seed. So
a recipe with one field replaced gives the same picture but for that field: the same sheep, in the same light, on rocks.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from cnnlab._validation import fraction, one_of, whole_number
from cnnlab.world.names import OBJECTS, SCENES
from cnnlab.world.object_classes import OBJECT_CLASSES, surface_of
from cnnlab.world.parts import Replacement, validated_parts, validated_replacements

STYLES = ("rendered", "drawn", "camera")


@dataclass(frozen=True)
class Recipe:
    """Recipe of a picture, the input of `cnnlab.world.render`.

    Fields
    ------
    seed
        Seed of all random choices; a whole number of at least 0.
    shape
        The main object's class, one of `OBJECTS`, or "none" for an empty scene.
    texture
        The surface of its skin: "own", the name of another class (a cue conflict), or a surface's name. `sample` and `render`
        also take "any", the surface of a random class.
    scene
        One of `SCENES`.
    position
        (x, y) of the object's centre in fractions of the picture's side.
    scale
        Half of the object's box in fractions of the picture's side.
    flip
        False: the object faces right.
    light
        Brightness of the picture, about 1.
    clutter
        Number of small objects lying about.
    cover
        How much an occluder covers of the object: 0 nothing, 1 a third of it.
    others
        Classes of further objects in the picture.
    style
        "rendered", "drawn" (line art on paper) or "camera" (soft, with sensor noise).
    without
        Parts of the main object that are left out, of `parts_of(shape)`. What is behind them appears; all else stays as it is, even
        the object's shading and its shadow.
    replaced
        Parts of the main object that are replaced, as pairs (part, by what): a surface, named as in `texture`, or (class, part), the
        part of another class, fitted into the box of the part that it replaces.
    """

    seed: int
    shape: str
    texture: str
    scene: str
    position: tuple[float, float]
    scale: float
    flip: bool
    light: float
    clutter: int
    cover: float
    others: tuple[str, ...] = ()
    style: str = "rendered"
    without: tuple[str, ...] = ()
    replaced: tuple[tuple[str, Replacement], ...] = ()

    def replace(self, **changes: Any) -> Recipe:
        """The same recipe with some fields changed; an error for unknown fields and invalid values."""
        updates = {name: value for name, value in changes.items() if value is not None}
        for name in updates:
            one_of(name, self.__dataclass_fields__, "field of a recipe")
        return validated(replace(self, **updates)) if updates else self

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain values, ready for JSON; `Recipe(**values)` restores it. Parts are named only where some are changed."""
        values = asdict(self) | {"position": list(self.position), "others": list(self.others)}
        return {name: value for name, value in values.items() if value or name not in ("without", "replaced")}


def rng_for(seed: int, aspect: str) -> np.random.Generator:
    """The random generator of one aspect of a picture, independent of all other aspects."""
    return np.random.default_rng([seed, sum(byte << (8 * i) for i, byte in enumerate(aspect.encode()[:4]))])


def sample(seed: int, **fixed: Any) -> Recipe:
    """Sample the recipe of picture number `seed`; fields that are given (and not None) are kept, the others are random.

    By default a picture has one object of any class in any scene, off the centre, a little clutter, and with a probability of 0.3
    an occluder.
    """
    whole_number(seed, "seed")
    draws = rng_for(seed, "plan").random(
        12
    )  # always all of them: fixing one field does not change the others
    recipe = Recipe(
        seed=int(seed),
        shape=OBJECTS[int(draws[0] * len(OBJECTS))],
        texture="own",
        scene=SCENES[int(draws[1] * len(SCENES))],
        position=(round(0.24 + 0.52 * draws[2], 4), round(0.46 + 0.22 * draws[3], 4)),
        scale=round(0.2 + 0.12 * draws[4], 4),
        flip=bool(draws[5] < 0.5),
        light=round(0.82 + 0.32 * draws[6], 4),
        clutter=int(draws[7] * 4),
        cover=round(max(0.0, draws[8] - 0.7) / 0.3, 4),
    )
    if fixed.get("texture") == "any":
        fixed["texture"] = OBJECTS[int(draws[9] * len(OBJECTS))]
    return recipe.replace(**fixed)


def validated(recipe: Recipe) -> Recipe:
    """`recipe` with its values in their plain types; for an invalid value, a ValueError that lists the valid ones."""
    one_of(recipe.shape, ("none", *OBJECTS), "shape")
    one_of(recipe.scene, SCENES, "scene")
    one_of(recipe.style, STYLES, "style")
    if recipe.shape != "none":
        surface_of(recipe.shape, recipe.texture)
    others = (recipe.others,) if isinstance(recipe.others, str) else tuple(recipe.others)
    for other in others:
        one_of(other, OBJECT_CLASSES, "object")
    try:
        x, y = (float(v) for v in recipe.position)
    except (TypeError, ValueError):
        raise TypeError(
            f"position must be a pair (x, y) of fractions of the picture's side, but got {recipe.position!r}."
        ) from None
    if not (-1 <= x <= 2 and -1 <= y <= 2):
        raise ValueError(
            f"position must lie between -1 and 2 (0 to 1 is inside the picture), but got ({x:g}, {y:g})."
        )
    if not 0.02 <= float(recipe.scale) <= 1.5:
        raise ValueError(
            f"scale must lie between 0.02 and 1.5 (half the object's size over the picture's), but got {recipe.scale!r}."
        )
    if not 0.1 <= float(recipe.light) <= 3:
        raise ValueError(f"light must lie between 0.1 and 3 (1 is usual), but got {recipe.light!r}.")
    return replace(
        recipe,
        seed=whole_number(recipe.seed, "seed"),
        position=(x, y),
        scale=float(recipe.scale),
        flip=bool(recipe.flip),
        light=float(recipe.light),
        clutter=whole_number(recipe.clutter, "clutter", maximum=20),
        cover=fraction(recipe.cover, "cover"),
        others=others,
        without=validated_parts(recipe.shape, recipe.without, "without"),
        replaced=validated_replacements(recipe.shape, recipe.replaced),
    )
