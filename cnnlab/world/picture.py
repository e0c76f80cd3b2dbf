"""Render a picture with its ground truth, from a seed or a recipe.

The pipeline: seed -> `Recipe` -> `drawing` -> `Picture`. A map is made of the drawing's regions when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cnnlab._validation import one_of
from cnnlab.world.drawing import paint
from cnnlab.world.names import NAMES, index_of
from cnnlab.world.parts import Replacement
from cnnlab.world.recipe import Recipe, sample, validated
from cnnlab.world.renderer import LABELS, colour_names, majority

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered picture and its ground truth.

    Fields
    ------
    image
        3 x H x W floats in [0, 1].
    recipe
        The recipe of the picture; `render(picture.recipe, size=480)` renders it again, larger.
    canvas, labels
        What the maps are made of, when one is asked for: 2 H x 2 W bytes, the region of each pixel of a canvas of twice the size, and
        regions x 6 bytes, the labels of each region.
    object, part, scene, material, texture, colour
        H x W bytes, indices into `cnnlab.world.NAMES[...]`; 0 is "none". `scene` is named where the scene itself is visible.
    instance
        H x W bytes: 1 the main object, 2 and up every other object, 0 the scene.
    box
        (top, left, bottom, right) of the visible main object in pixels, bottom and right exclusive; zeros if it is not visible.
    """

    image: Tensor
    recipe: Recipe
    canvas: np.ndarray
    labels: np.ndarray

    @cached_property
    def object(self) -> Tensor:
        return self._map("object")

    @cached_property
    def part(self) -> Tensor:
        return self._map("part")

    @cached_property
    def scene(self) -> Tensor:
        return self._map("scene")

    @cached_property
    def material(self) -> Tensor:
        return self._map("material")

    @cached_property
    def texture(self) -> Tensor:
        return self._map("texture")

    @cached_property
    def colour(self) -> Tensor:
        import torch

        pixels = self.image.mul(255).round_().byte().permute(1, 2, 0)
        return torch.from_numpy(colour_names(pixels.numpy()))

    @cached_property
    def instance(self) -> Tensor:
        return self._map("instance")

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        return bounding_box(self.instance.numpy() == 1)

    def _map(self, category: str) -> Tensor:
        import torch

        return torch.from_numpy(self.labels[:, LABELS.index(category)].take(self._regions))

    @cached_property
    def _regions(self) -> np.ndarray:
        return majority(self.canvas)

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
    pixels, canvas, labels = paint(recipe, size)
    return Picture(torch.from_numpy(pixels).permute(2, 0, 1).float().div_(255), recipe, canvas, labels)


def bounding_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of the true pixels, bottom and right exclusive; four zeros where there is none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return (0, 0, 0, 0)
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
