"""Data splits of rendered pictures, rendered once and kept in the cache.

A split is a list of recipes: picture i of a split has its own seed, and its class is class i modulo the number of classes, so
that classes are balanced. For how its pictures are rendered on first use and found again later see `cnnlab.world.split_cache`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnlab._validation import fraction, one_of, positive_int, whole_number
from cnnlab.world.cache import PICTURES
from cnnlab.world.names import NAMES, OBJECTS, SCENES
from cnnlab.world.picture import Picture, render
from cnnlab.world.recipe import Recipe, sample
from cnnlab.world.renderer import LABELS, colour_names
from cnnlab.world.split_cache import load_or_render

if TYPE_CHECKING:
    from torch import Tensor

SPLITS = {"train": 12_000, "validation": 2_000, "test": 2_000}
"""The splits and their default numbers of pictures."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labelled images: a data set for training, techniques and explorers; `Dataset` is the rendered one.

    `data[i]` is (3 x H x W floats in [0, 1], label), as a torch `DataLoader` expects.

    Fields
    ------
    images
        N x 3 x H x W bytes.
    labels
        N class indices, or N x H x W of them where each pixel has its own.
    class_names
        The name of each class.
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        label = self.labels[index]
        return self.images[index].float().div_(255), label if label.dim() else int(label)


def dataset(
    split: str,
    task: str = "object",
    n: int | None = None,
    seed: int = 0,
    *,
    size: int = 96,
    classes: Sequence[str] | None = None,
    bias: Mapping[str, str | Sequence[str]] | None = None,
    progress: bool = True,
    **fields: Any,
) -> Dataset:
    """A split of the world as a `Dataset`; rendered on first use (some 250 pictures a second and core), then read from the cache.

    Parameters
    ----------
    split
        "train", "validation" or "test"; no picture is in two of them.
    task
        The labels: the "object" or the "scene". The pictures are the same for both.
    n
        Number of pictures; the defaults are in `SPLITS`. A smaller split is the beginning of the larger.
    seed
        Another seed gives other pictures.
    size
        Side of the pictures in pixels.
    classes
        Classes of the main objects, all of `OBJECTS` by default; their order is that of the labels for task "object".
    bias
        Scenes tied to classes, such as {"sheep": "meadow", "goat": "rocks"}; of several scenes, a class has one after another. Other
        classes have random scenes.
    fields
        Fields of the `Recipe` that all pictures share, such as `style="drawn"` or `clutter=0`.
    """
    one_of(split, SPLITS, "split")
    one_of(task, ("object", "scene"), "task")
    count = SPLITS[split] if n is None else positive_int(n, "n (number of pictures)")
    shapes = tuple(OBJECTS if classes is None else (one_of(name, OBJECTS, "class") for name in classes))
    scenes_of_class = {
        one_of(name, shapes, "class in bias"): tuple(
            one_of(scene, SCENES, "scene") for scene in ([scenes] if isinstance(scenes, str) else scenes)
        )
        for name, scenes in (bias or {}).items()
    }
    first_seed = (whole_number(seed, "seed") * len(SPLITS) + list(SPLITS).index(split)) * 10_000_000
    recipes = _Recipes(first_seed, count, shapes, scenes_of_class, fields)
    recipes[0]  # an invalid recipe is reported here, not by the rendering processes
    return Dataset(recipes, task, size, load_or_render(recipes, size, progress))


class _Recipes(Sequence):
    """The recipes of a split, made on demand."""

    def __init__(
        self,
        first_seed: int,
        count: int,
        shapes: tuple[str, ...],
        scenes_of_class: dict[str, tuple[str, ...]],
        fields: dict[str, Any],
    ):
        self.first_seed, self.count, self.shapes, self.scenes_of_class, self.fields = (
            first_seed,
            count,
            shapes,
            scenes_of_class,
            fields,
        )

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Recipe:
        if not -self.count <= index < self.count:
            raise IndexError(f"picture {index} of a split of {self.count}")
        number = index % self.count
        round_number, index_of_class = divmod(number, len(self.shapes))
        shape = self.shapes[index_of_class]
        scenes = self.scenes_of_class.get(shape, (None,))
        scene = scenes[round_number % len(scenes)]
        return sample(self.first_seed + number, **{"shape": shape, "scene": scene, **self.fields})

    def key(self, size: int) -> str:
        """The cache key of the pictures: whatever changes them changes the key."""
        about = [
            self.first_seed,
            self.count,
            self.shapes,
            self.scenes_of_class,
            self.fields,
            size,
            PICTURES,
        ]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]


class Dataset:
    """Rendered pictures with labels and exact maps; made by `dataset`.

    `data[i]` is (3 x H x W floats in [0, 1], label), as a torch `DataLoader` expects.

    Fields
    ------
    images
        N x 3 x H x W bytes, memory-mapped: they are read from disk on demand.
    labels
        N class indices (int64) into `class_names`.
    recipes
        The recipe of each picture.
    """

    def __init__(self, recipes: Sequence[Recipe], task: str, size: int, arrays: dict[str, np.ndarray]):
        import torch

        self.recipes, self.task, self.size, self._arrays = recipes, task, size, arrays
        self.class_names: tuple[str, ...] = recipes.shapes if task == "object" else SCENES
        self.images: Tensor = torch.from_numpy(arrays["images"]).permute(0, 3, 1, 2)

    @cached_property
    def labels(self) -> Tensor:
        import torch

        if self.task == "object":
            return torch.arange(len(self)) % len(self.class_names)
        names = [recipe.scene for recipe in self.recipes]
        return torch.tensor([self.class_names.index(name) for name in names])

    def __len__(self) -> int:
        return len(self.recipes)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.images[index].float().div_(255), int(self.labels[index])

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        return (self[index] for index in range(len(self)))

    def picture(self, index: int, size: int | None = None) -> Picture:
        """Picture `index` with all its maps, rendered again from its recipe, at any size."""
        return render(self.recipes[index], size=self.size if size is None else size)

    def maps(self, category: str) -> Tensor:
        """N x H x W bytes: the index into `NAMES[category]` at each pixel (also "instance": 1 is the main object)."""
        import torch

        one_of(category, (*NAMES, "instance"), "category")
        if category == "colour":
            return torch.from_numpy(np.stack([colour_names(image) for image in self._arrays["images"]]))
        tables = self._arrays["tables"][:, :, LABELS.index(category)]
        return torch.from_numpy(
            np.stack([t.take(r) for t, r in zip(tables, self._arrays["regions"], strict=True)])
        )

    def masks(self) -> Tensor:
        """N x H x W booleans: the visible pixels of the main object."""
        return self.maps("instance") == 1

    def with_random_labels(self, share: float = 1.0, seed: int = 0) -> Dataset:
        """Random labels: the same pictures, `share` of them with a random label, fixed by the seed (Zhang et al., 2017).

        With C classes, one in C of these labels is the true one by chance.
        """
        import torch

        generator = torch.Generator().manual_seed(whole_number(seed, "seed"))
        replaced = torch.rand(len(self), generator=generator) < fraction(share, "share")
        labels = torch.randint(len(self.class_names), (len(self),), generator=generator)
        relabelled = Dataset(self.recipes, self.task, self.size, self._arrays)
        relabelled.labels = torch.where(replaced, labels, self.labels)
        return relabelled

    def __repr__(self) -> str:
        return f"Dataset({len(self)} pictures of {self.size} x {self.size}, {len(self.class_names)} {self.task} classes)"
