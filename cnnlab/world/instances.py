"""Instance collections: several views of each single object, in other scenes, in other light, from the other side.

A data set of classes (`cnnlab.world.dataset`) has many sheep; here it is *this* sheep that matters. Its build and its colours come
from its own seed; everything else changes from view to view.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from cnnlab._validation import one_of, positive_int, whole_number
from cnnlab.world.cache import PICTURES
from cnnlab.world.datasets import SPLITS, Dataset
from cnnlab.world.names import OBJECTS, SCENES
from cnnlab.world.recipe import Recipe, rng_for, sample
from cnnlab.world.split_cache import load_or_render

if TYPE_CHECKING:
    from torch import Tensor

FIRST_SEED = 900_000_000
"""Seeds from here on are reserved for instances; no data set of classes reaches them."""


def instances(
    split: str = "test",
    objects: int = 60,
    views: int = 5,
    seed: int = 0,
    *,
    size: int = 96,
    progress: bool = True,
) -> Instances:
    """A collection of `objects` single objects with `views` views of each; rendered on first use, then read from the cache.

    The views of an object show it in different scenes, at another position and size, facing either way, in other light, without
    clutter or occluders. So two views share the object and the side from which the light comes, and nothing else.

    Parameters
    ----------
    split
        "train", "validation" or "test"; no object is in two of them.
    objects
        Number of objects; their classes follow each other as in `cnnlab.world.OBJECTS`.
    views
        Pictures of each object, at most the number of scenes.
    seed
        Another seed gives other objects.
    size
        Side of the pictures in pixels.

    Raises
    ------
    ValueError
        If the split is not known or there are more views than scenes.

    Example
    -------
    >>> collection = instances("test", objects=3, views=4)
    >>> len(collection), collection.class_names, collection.labels.tolist()[:6]
    (12, ('sheep 1', 'goat 1', 'wolf 1'), [0, 0, 0, 0, 1, 1])
    """
    one_of(split, SPLITS, "split")
    first_seed = (
        FIRST_SEED + (whole_number(seed, "seed") * len(SPLITS) + list(SPLITS).index(split)) * 1_000_000
    )
    recipes = _Views(
        first_seed,
        positive_int(objects, "objects"),
        whole_number(views, "views", minimum=1, maximum=len(SCENES)),
    )
    return Instances(recipes, size, load_or_render(recipes, size, progress))


class Instances(Dataset):
    """Pictures labelled by the single object that they show; made by `instances`. For its interface see `Dataset`.

    Fields
    ------
    class_names
        The objects: "sheep 1", "goat 1" ... "sheep 2" ...
    classes
        For each picture the index of its object's class in `cnnlab.world.OBJECTS`.
    """

    def __init__(self, recipes: _Views, size: int, arrays: dict):
        super().__init__(recipes, "object", size, arrays)
        self.class_names = tuple(
            f"{OBJECTS[number % len(OBJECTS)]} {number // len(OBJECTS) + 1}"
            for number in range(recipes.objects)
        )

    @cached_property
    def labels(self) -> Tensor:
        import torch

        return torch.arange(len(self)) // self.recipes.views

    @cached_property
    def classes(self) -> Tensor:
        return self.labels % len(OBJECTS)


class _Views(Sequence):
    """The recipes of a collection: all views of the first object, then all of the second ..."""

    shapes = OBJECTS

    def __init__(self, first_seed: int, objects: int, views: int):
        self.first_seed, self.objects, self.views = first_seed, objects, views

    def __len__(self) -> int:
        return self.objects * self.views

    def __getitem__(self, index: int) -> Recipe:
        if not -len(self) <= index < len(self):
            raise IndexError(f"picture {index} of a collection of {len(self)}")
        number, view = divmod(index % len(self), self.views)
        seed = self.first_seed + number
        scene = SCENES[rng_for(seed, "scenes of views").permutation(len(SCENES))[view]]
        draw = rng_for(seed * 16 + view, "view").random(5)
        return sample(
            seed,
            shape=OBJECTS[number % len(OBJECTS)],
            scene=scene,
            position=(round(0.28 + 0.44 * draw[0], 4), round(0.46 + 0.2 * draw[1], 4)),
            scale=round(0.21 + 0.11 * draw[2], 4),
            flip=bool(draw[3] < 0.5),
            light=round(0.78 + 0.4 * draw[4], 4),
            clutter=0,
            cover=0.0,
        )

    def key(self, size: int) -> str:
        """The cache key of the pictures: whatever changes them changes the key."""
        about = ["instances", [recipe.as_dict() for recipe in self], size, PICTURES]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]
