"""The same thing again: collections in which each single object is seen several times, elsewhere, in other light, from the other side.

A data set of classes (`cnnlab.world.dataset`) has many sheep; here it is *this* sheep that matters. Its build and its paint come from a
seed of its own; everything else changes from view to view.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from cnnlab._validation import one_of, positive_int, whole_number
from cnnlab.world.datasets import SPLITS, Dataset
from cnnlab.world.keeping import code_sum, kept_arrays
from cnnlab.world.names import OBJECTS, SCENES
from cnnlab.world.recipe import Recipe, sample, stream

if TYPE_CHECKING:
    from torch import Tensor

FIRST = 900_000_000
"""Seeds from here on belong to collections; no data set of classes reaches them."""


def instances(
    split: str = "test",
    things: int = 60,
    views: int = 5,
    seed: int = 0,
    *,
    size: int = 96,
    progress: bool = True,
) -> Instances:
    """A collection of `things` single objects, each seen `views` times; rendered on first use, then opened from the cache.

    The views of a thing show it in different scenes, at another place and size, facing either way, in other light; nothing stands about or
    in front. So two views share the thing, the side from which the light comes, and nothing else.

    Parameters
    ----------
    split
        "train", "validation" or "test"; they never share a thing.
    objects
        How many; their classes follow each other as in `cnnlab.world.OBJECTS`.
    views
        Pictures of each thing, at most as many as there are scenes.
    seed
        Another seed gives other things.
    size
        Side of the pictures in pixels.

    Raises
    ------
    ValueError
        If the split is not known or there are not so many scenes.

    Example
    -------
    >>> found = instances("test", things=3, views=4)
    >>> len(found), found.class_names, found.labels.tolist()[:6]
    (12, ('sheep 1', 'goat 1', 'wolf 1'), [0, 0, 0, 0, 1, 1])
    """
    one_of(split, SPLITS, "split")
    first = FIRST + (whole_number(seed, "seed") * len(SPLITS) + list(SPLITS).index(split)) * 1_000_000
    recipes = _Views(
        first, positive_int(things, "things"), whole_number(views, "views", minimum=1, maximum=len(SCENES))
    )
    return Instances(recipes, size, kept_arrays(recipes, size, progress))


class Instances(Dataset):
    """Pictures labelled by the single thing that they show; made by `instances`. See `Dataset` for what it gives.

    Fields
    ------
    class_names
        The things: "sheep 1", "goat 1" ... "sheep 2" ...
    classes
        For each picture the index of its thing's class in `cnnlab.world.OBJECTS`.
    """

    def __init__(self, recipes: _Views, size: int, arrays: dict):
        super().__init__(recipes, "object", size, arrays)
        self.class_names = tuple(
            f"{OBJECTS[thing % len(OBJECTS)]} {thing // len(OBJECTS) + 1}" for thing in range(recipes.things)
        )

    @cached_property
    def labels(self) -> Tensor:
        import torch

        return torch.arange(len(self)) // self.recipes.views

    @cached_property
    def classes(self) -> Tensor:
        return self.labels % len(OBJECTS)


class _Views(Sequence):
    """The recipes of a collection: all views of the first thing, then all of the second ..."""

    shapes = OBJECTS

    def __init__(self, first: int, things: int, views: int):
        self.first, self.things, self.views = first, things, views

    def __len__(self) -> int:
        return self.things * self.views

    def __getitem__(self, index: int) -> Recipe:
        if not -len(self) <= index < len(self):
            raise IndexError(f"picture {index} of a collection of {len(self)}")
        thing, view = divmod(index % len(self), self.views)
        seed = self.first + thing
        scene = SCENES[stream(seed, "scenes of views").permutation(len(SCENES))[view]]
        draw = stream(seed * 16 + view, "view").random(5)
        return sample(
            seed,
            shape=OBJECTS[thing % len(OBJECTS)],
            scene=scene,
            position=(round(0.28 + 0.44 * draw[0], 4), round(0.46 + 0.2 * draw[1], 4)),
            scale=round(0.21 + 0.11 * draw[2], 4),
            flip=bool(draw[3] < 0.5),
            light=round(0.78 + 0.4 * draw[4], 4),
            clutter=0,
            cover=0.0,
        )

    def key(self, size: int) -> str:
        """Names the pictures: whatever changes them changes the key."""
        about = ["instances", [recipe.as_dict() for recipe in self], size, code_sum()]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]
