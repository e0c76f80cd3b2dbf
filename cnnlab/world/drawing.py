"""Drawing: from a recipe to the arrays of a picture, without torch, so that data sets are drawn in light worker processes.

The scene first, then objects behind, the main object, what covers it; then the style.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from cnnlab._validation import whole_number
from cnnlab.world.names import CLUTTER, index_of
from cnnlab.world.object_classes import CLUTTER_CLASSES, OBJECT_CLASSES, ObjectClass, surface_of
from cnnlab.world.parts import edited
from cnnlab.world.recipe import Recipe, rng_for
from cnnlab.world.renderer import Renderer, majority
from cnnlab.world.scenes import PAINTERS
from cnnlab.world.styles import STYLE_FUNCTIONS
from cnnlab.world.surfaces import SURFACES, Surface, mix


def draw(recipe: Recipe, size: int = 96) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a picture, in pixels of `size` x `size`.

    Returns its bytes (size x size x 3), its region map (size x size bytes) and the labels of each region (regions x 6 bytes, columns
    `LABELS`).
    """
    pixels, canvas, labels = paint(recipe, size)
    return pixels, majority(canvas), labels


def paint(recipe: Recipe, size: int = 96) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`draw` with the region map of the canvas, which has twice the picture's size: `majority` makes the picture's of it."""
    whole_number(size, "size (pixels)", minimum=16, maximum=2048)
    renderer = painted(recipe, size)
    whole = renderer
    if recipe.without or recipe.replaced:
        # Shaded like the whole object, so that the parts that stay do not change.
        whole = painted(replace(recipe, without=(), replaced=()), size)
    left = bool(rng_for(recipe.seed, "light").random() < 0.5)
    pixels, canvas, labels = renderer.finish(recipe.light, from_left=left, silhouette=whole.silhouette())
    return STYLE_FUNCTIONS[recipe.style](pixels, canvas, recipe), canvas, labels


def painted(recipe: Recipe, size: int) -> Renderer:
    """The canvas with everything on it, from back to front."""
    renderer = Renderer(size)
    _paint_scene(renderer, recipe)
    clutter_rng = rng_for(recipe.seed, "clutter")
    for number in range(recipe.clutter):
        _paint_clutter(renderer, clutter_rng, number + 40, scene=recipe.scene)
    for number, name in enumerate(recipe.others):
        _paint_other(renderer, recipe, name, number)
    if recipe.shape != "none":
        _paint_main(renderer, recipe)
        _paint_cover(renderer, recipe)
    return renderer


def _paint_scene(renderer: Renderer, recipe: Recipe) -> None:
    rng = rng_for(recipe.seed, recipe.scene)
    paints: dict[tuple, Any] = {}
    label = index_of("scene", recipe.scene)

    def brush(surface: str, outline: np.ndarray, tone: float = 1.0, ramp: float = 0.0) -> None:
        key = (surface, ramp)
        if key not in paints:
            paints[key] = mix(SURFACES[surface], rng, ramp=ramp)
        renderer.fill(outline, paints[key].with_tone(round(tone, 2)), scene=label)

    PAINTERS[recipe.scene](brush, rng.random)


def _paint_object(
    renderer: Renderer,
    name: str,
    object_class: ObjectClass,
    surface: Surface,
    rng: np.random.Generator,
    *,
    position: tuple[float, float],
    scale: float,
    flip: bool,
    instance: int,
    edits: Recipe | None = None,
) -> None:
    """Draw the pieces of one object, back to front; all pieces with the same surface share one paint.

    `edits` is the recipe whose `without` and `replaced` hold for this object.
    """
    x, y = position
    tilt = (rng.random() - 0.5) * 0.16
    width = scale * (0.94 + 0.12 * rng.random()) * (-1 if flip else 1)
    c, s = np.cos(tilt), np.sin(tilt)
    transform = np.array([[c * width, s * scale], [-s * width, c * scale]])
    paints = {"skin": mix(surface, rng)}
    label = index_of("object", name)
    pieces = object_class.draw(rng.random)
    for piece in pieces:
        if piece.material not in paints:
            paints[piece.material] = mix(SURFACES[piece.material], rng)
    coloured = [(piece, paints[piece.material]) for piece in pieces]
    if edits is not None and (edits.without or edits.replaced):
        own_rng = partial(rng_for, edits.seed, "swap")
        coloured = edited(pieces, paints, name, edits.without, dict(edits.replaced), own_rng)
    for piece, paint in coloured:
        renderer.fill(
            piece.outline @ transform + (x, y),
            paint.with_tone(piece.tone),
            object=label,
            part=index_of("part", piece.part),
            instance=instance,
        )


def _paint_main(renderer: Renderer, recipe: Recipe) -> None:
    object_class = OBJECT_CLASSES[recipe.shape]
    scale = recipe.scale * object_class.size
    x, y = recipe.position
    if recipe.scene != "sky":
        renderer.cast_shadow(x, y + scale * 0.98, scale * 0.9)
    surface = surface_of(recipe.shape, recipe.texture)
    _paint_object(
        renderer,
        recipe.shape,
        object_class,
        surface,
        rng_for(recipe.seed, "build"),
        position=(x, y),
        scale=scale,
        flip=recipe.flip,
        instance=1,
        edits=recipe,
    )


def _paint_other(renderer: Renderer, recipe: Recipe, name: str, number: int) -> None:
    """A further object, smaller than the main one and on the free side of the picture."""
    rng = rng_for(recipe.seed, f"o{number}")
    side = -1 if (recipe.position[0] > 0.5) == (number % 2 == 0) else 1
    scale = min(0.3, recipe.scale * (0.62 + 0.2 * rng.random())) * OBJECT_CLASSES[name].size
    x = min(0.88, max(0.12, recipe.position[0] + side * (recipe.scale + scale * 0.9)))
    position = (x, recipe.position[1] + recipe.scale * 0.9 - scale + 0.06 * (rng.random() - 0.5))
    if recipe.scene != "sky":
        renderer.cast_shadow(position[0], position[1] + scale * 0.98, scale * 0.9)
    _paint_object(
        renderer,
        name,
        OBJECT_CLASSES[name],
        surface_of(name, "own"),
        rng,
        position=position,
        scale=scale,
        flip=bool(rng.random() < 0.5),
        instance=2 + number,
    )


def _paint_clutter(renderer: Renderer, rng: np.random.Generator, instance: int, *, scene: str) -> None:
    name = CLUTTER[int(rng.random() * len(CLUTTER))]
    object_class = CLUTTER_CLASSES[name]
    x, y = rng.random(), 0.55 + 0.45 * rng.random()
    scale = object_class.size * (0.3 + 0.3 * rng.random()) * (0.5 + y)
    if scene != "sky":
        renderer.cast_shadow(x, y + scale * 0.98, scale * 0.9)
    _paint_object(
        renderer,
        name,
        object_class,
        SURFACES[object_class.surface],
        rng,
        position=(x, y),
        scale=scale,
        flip=False,
        instance=instance,
    )


def _paint_cover(renderer: Renderer, recipe: Recipe) -> None:
    """An occluder in front of the object: a post, or a bush, a stone or a crate before its feet or its side."""
    if recipe.cover <= 0:
        return
    rng = rng_for(recipe.seed, "cover")
    name = ("post", "bush", "stone", "crate")[int(rng.random() * 4)]
    x, y = recipe.position
    if name == "post":
        position = (x + recipe.scale * 1.2 * (rng.random() - 0.5), 0.5)
        width = recipe.cover * recipe.scale * 0.6
        stretch = np.array([[width / 0.32, 0.0], [0.0, 1.1]])
        paint = mix(SURFACES["wood"], rng)
        renderer.fill(
            CLUTTER_CLASSES[name].draw(rng.random)[0].outline @ stretch + position,
            paint,
            object=index_of("object", name),
            instance=90,
        )
        return
    scale = recipe.scale * (0.2 + 0.3 * recipe.cover)
    position = (x + recipe.scale * 1.6 * (rng.random() - 0.5), y + recipe.scale - scale * 0.8)
    object_class = CLUTTER_CLASSES[name]
    _paint_object(
        renderer,
        name,
        object_class,
        SURFACES[object_class.surface],
        rng,
        position=position,
        scale=scale,
        flip=False,
        instance=90,
    )
