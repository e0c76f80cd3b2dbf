"""Render a picture with its ground truth, from a seed or a recipe.

The pipeline: seed -> `Recipe` -> `Renderer` (scene, objects behind, the main object, occluders) -> style -> `Picture`. The
first half works on numpy arrays and does not import torch, so that data sets are rendered in light worker processes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnlab._validation import one_of, whole_number
from cnnlab.world.names import CLUTTER, NAMES, index_of
from cnnlab.world.object_classes import CLUTTER_CLASSES, OBJECT_CLASSES, ObjectClass, surface_of
from cnnlab.world.parts import Replacement, edited
from cnnlab.world.recipe import Recipe, rng_for, sample, validated
from cnnlab.world.renderer import LABELS, Renderer, colour_names
from cnnlab.world.scenes import PAINTERS
from cnnlab.world.styles import STYLE_FUNCTIONS
from cnnlab.world.surfaces import SURFACES, Surface, mix

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Picture:
    """A rendered picture and its ground truth.

    Fields
    ------
    image
        3 x H x W floats in [0, 1].
    object, part, scene, material, texture, colour
        H x W bytes, indices into `cnnlab.world.NAMES[...]`; 0 is "none". `scene` is named where the scene itself is visible.
    instance
        H x W bytes: 1 the main object, 2 and up every other object, 0 the scene.
    box
        (top, left, bottom, right) of the visible main object in pixels, bottom and right exclusive; zeros if it is not visible.
    recipe
        The recipe of the picture; `render(picture.recipe, size=480)` renders it again, larger.
    """

    image: Tensor
    object: Tensor
    part: Tensor
    scene: Tensor
    material: Tensor
    texture: Tensor
    colour: Tensor
    instance: Tensor
    box: tuple[int, int, int, int]
    recipe: Recipe

    @property
    def label(self) -> str:
        """The class of the main object."""
        return self.recipe.shape

    def mask(self, category: str = "object", name: str | None = None) -> Tensor:
        """H x W booleans: where `category` has the label `name`; without a name, where the main object is visible."""
        if name is None:
            if category != "object":
                raise ValueError(
                    f"say which {category} you mean, one of: {', '.join(NAMES[one_of(category, NAMES, 'category')][1:])}."
                )
            return self.instance == 1
        return getattr(self, one_of(category, NAMES, "category")) == index_of(category, name)

    def __repr__(self) -> str:
        side = self.image.shape[-1]
        return (
            f"Picture({self.recipe.shape} in {self.recipe.scene}, {side} x {side}, seed {self.recipe.seed})"
        )


def render(
    seed: int | Recipe,
    *,
    shape: str | None = None,
    texture: str | None = None,
    scene: str | None = None,
    position: tuple[float, float] | None = None,
    scale: float | None = None,
    flip: bool | None = None,
    light: float | None = None,
    clutter: int | None = None,
    cover: float | None = None,
    others: tuple[str, ...] | None = None,
    style: str | None = None,
    without: str | Iterable[str] | None = None,
    replace: Mapping[str, Replacement] | None = None,
    size: int = 96,
) -> Picture:
    """Render one picture; fields that are not given are chosen at random from the seed (fields: see `Recipe`).

    `without` names parts of the main object that are left out, `replace` maps parts to what replaces them (the field `replaced`); the
    background is replaced by another `scene`.

    >>> picture = render(7, shape="sheep", scene="meadow")
    >>> picture.image.shape, picture.label
    (torch.Size([3, 96, 96]), 'sheep')
    >>> same_sheep_on_rocks = render(picture.recipe, scene="rocks")
    >>> without_its_head = render(picture.recipe, without=("head", "eye"))
    >>> with_other_parts = render(picture.recipe, replace={"ear": ("elephant", "ear"), "leg": "stripes"})

    Raises
    ------
    ValueError, TypeError
        If a name is not known (the message lists the known ones) or a number is out of range.
    """
    import torch

    fields = {
        "shape": shape,
        "texture": texture,
        "scene": scene,
        "position": position,
        "scale": scale,
        "flip": flip,
    }
    fields |= {"light": light, "clutter": clutter, "cover": cover, "others": others, "style": style}
    fields |= {"without": without, "replaced": replace}
    recipe = validated(seed).replace(**fields) if isinstance(seed, Recipe) else sample(seed, **fields)
    pixels, regions, table = draw(recipe, size)
    maps = {
        category: torch.from_numpy(table[:, column].take(regions)) for column, category in enumerate(LABELS)
    }
    return Picture(
        image=torch.from_numpy(pixels).permute(2, 0, 1).float().div_(255),
        colour=torch.from_numpy(colour_names(pixels)),
        box=bounding_box(maps["instance"].numpy() == 1),
        recipe=recipe,
        **maps,
    )


def draw(recipe: Recipe, size: int = 96) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`render` without torch.

    Returns the picture's bytes (size x size x 3), its region map (size x size bytes) and the labels of each region (regions x 6
    bytes, columns `LABELS`).
    """
    whole_number(size, "size (pixels)", minimum=16, maximum=2048)
    renderer = painted(recipe, size)
    whole = renderer
    if (
        recipe.without or recipe.replaced
    ):  # shaded like the whole object, so that the parts that stay do not change
        whole = painted(dataclasses.replace(recipe, without=(), replaced=()), size)
    light_side = rng_for(recipe.seed, "light").random()
    pixels, regions, table = renderer.finish(
        recipe.light, from_left=bool(light_side < 0.5), silhouette=whole.silhouette()
    )
    return STYLE_FUNCTIONS[recipe.style](pixels, regions, recipe), regions, table


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
    painted = [(piece, paints[piece.material]) for piece in pieces]
    if edits is not None and (edits.without or edits.replaced):
        own_rng = partial(rng_for, edits.seed, "swap")
        painted = edited(pieces, paints, name, edits.without, dict(edits.replaced), own_rng)
    for piece, paint in painted:
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


def bounding_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of the true pixels, bottom and right exclusive; four zeros where there is none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return (0, 0, 0, 0)
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
