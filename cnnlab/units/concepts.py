"""Concept labels: the concepts at each pixel, in all categories at once, the ground truth of network dissection.

The rendered world knows for each pixel its object, part, scene, material, texture and colour. Here these maps become one list
of concepts with the pixels that show them. Units are compared with them in `cnnlab.units.dissection`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnnlab._validation import one_of, positive_int
from cnnlab.world.names import NAMES

NOT_CONCEPTS = ("none", "plain")
"""Names of pixel maps that mean the absence of something: not concepts."""

NO_CONCEPT = 255


@dataclass(frozen=True, eq=False)
class Concepts:
    """Concept labels: C concepts and the pixels that show them in N pictures.

    Attributes
    ----------
    names, categories
        The name and the category of each concept, C each.
    labels
        categories x N x h x w bytes: the index of the concept at each sampled pixel, 255 where there is none.
    pixels
        C counts of the sampled pixels that show the concept, in all pictures together.
    rows, columns
        The h rows and w columns of the picture that are sampled.
    """

    names: tuple[str, ...]
    categories: tuple[str, ...]
    labels: Tensor
    pixels: Tensor
    rows: Tensor
    columns: Tensor


def concepts(
    dataset: Any,
    categories: Sequence[str] = tuple(NAMES),
    *,
    pixel_step: int = 2,
    min_pictures: int = 10,
) -> Concepts:
    """Concept labels of a data set: which concepts it shows, and at which pixels.

    A concept is a name of a category ("wheel" of "part"). Names that mean the absence of something ("none", "plain") are left
    out, and so are those that occur in fewer than `min_pictures` pictures: a unit that is active in one such picture would
    count as a detector of the concept.

    Parameters
    ----------
    dataset
        A data set of the world, or anything with a length and `maps(category)` that returns N x H x W bytes, indices
        into `cnnlab.world.NAMES[category]`.
    categories
        Names from `cnnlab.world.NAMES`.
    pixel_step
        Sampling step, in both directions; 1 samples all pixels.
    min_pictures
        Smallest number of pictures in which a concept must occur.

    Returns
    -------
    Concepts
        Names, labels and counts. The labels take one byte for each category and sampled pixel: 14 kB for a
        picture of 96 x 96, half as much as the picture itself.

    Raises
    ------
    ValueError
        If a category is not known or given twice, or no concept is left.

    Example
    -------
    >>> from cnnlab import world
    >>> maps = concepts(world.dataset("validation", n=40), ["scene"], min_pictures=1)
    >>> maps.labels.shape, set(maps.names) <= set(world.SCENES)
    (torch.Size([1, 40, 48, 48]), True)
    """
    requested = [one_of(category, NAMES, "category") for category in categories]
    if len(set(requested)) < len(requested) or not requested:
        raise ValueError(f"categories must name each category once, but came as {requested}.")
    pixel_step, min_count = positive_int(pixel_step, "pixel_step"), positive_int(min_pictures, "min_pictures")
    names: list[str] = []
    concept_categories: list[str] = []
    labels, counts = [], []
    if not hasattr(dataset, "maps"):
        raise ValueError(
            f"concepts are known in rendered pictures only, and this is a {type(dataset).__name__}; give cnnlab.world.dataset(...)."
        )
    for category in requested:
        category_map = dataset.maps(category)
        sides, category_map = (
            category_map.shape[1:],
            category_map[:, pixel_step // 2 :: pixel_step, pixel_step // 2 :: pixel_step],
        )
        label_table = torch.full((256,), NO_CONCEPT, dtype=torch.uint8)
        pixels, pictures = _value_counts(category_map)
        for index, name in enumerate(NAMES[category]):
            if name not in NOT_CONCEPTS and pictures[index] >= min_count:
                label_table[index] = len(names)
                names.append(name)
                concept_categories.append(category)
                counts.append(int(pixels[index]))
        labels.append(label_table[category_map.long()])
    if not names:
        raise ValueError(
            f"no concept is seen in {min_count} pictures or more; give more pictures or a smaller min_pictures."
        )
    return Concepts(
        names=tuple(names),
        categories=tuple(concept_categories),
        labels=torch.stack(labels),
        pixels=torch.tensor(counts),
        rows=torch.arange(pixel_step // 2, sides[0], pixel_step),
        columns=torch.arange(pixel_step // 2, sides[1], pixel_step),
    )


def _value_counts(maps: Tensor) -> tuple[Tensor, Tensor]:
    """For each of the 256 values of maps N x h x w, the number of pixels and of pictures that contain it."""
    per_picture = torch.stack([picture.flatten().bincount(minlength=256) for picture in maps])  # N x 256
    return per_picture.sum(0), (per_picture > 0).sum(0)
