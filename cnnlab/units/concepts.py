"""What lies at each pixel, in all categories at once: the truth against which units are dissected.

The rendered world knows for each pixel its object, part, scene, material, texture and colour. Here these maps become one list
of concepts with the pixels at which they are seen. Units do not come in; they meet the concepts in `cnnlab.units.dissection`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnnlab._validation import one_of, positive_int
from cnnlab.world.names import NAMES

NOTHING = ("none", "plain")
"""Names of pixel maps that say what is *not* there: no concepts."""

NO_CONCEPT = 255


@dataclass(frozen=True, eq=False)
class Concepts:
    """C concepts and where they are seen in N pictures.

    Attributes
    ----------
    names, categories
        The name and the category of each concept, C each.
    labels
        categories x N x h x w bytes: the index of the concept at each pixel looked at, 255 where there is none.
    pixels
        C counts of the pixels looked at that show the concept, in all pictures together.
    rows, columns
        The h rows and w columns of the picture that are looked at.
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
    every: int = 2,
    least_pictures: int = 10,
) -> Concepts:
    """Which concepts does a data set show, and at which pixels?

    A concept is a name of a category ("wheel" of "part"). Names that say that nothing is there ("none", "plain") are left
    out, and so are those seen in fewer than `least_pictures` pictures: a unit that answers to one such picture would
    count as a detector of the concept.

    Parameters
    ----------
    dataset
        A data set of the world, or anything with a length and `maps(category)` that gives N x H x W bytes, indices
        into `cnnlab.world.NAMES[category]`.
    categories
        Names from `cnnlab.world.NAMES`.
    pixel_step
        Every how many pixels, in both directions, one is looked at; 1 looks at all.
    min_pictures
        In how many pictures a concept must be seen.

    Returns
    -------
    Concepts
        Names, labels and counts. The labels take one byte for each category and pixel looked at: 14 kB for a
        picture of 96 x 96, half as much as the picture itself.

    Raises
    ------
    ValueError
        If a category is not known or given twice, or no concept is left.

    Example
    -------
    >>> from cnnlab import world
    >>> seen = concepts(world.dataset("validation", n=40), ["scene"], least_pictures=1)
    >>> seen.labels.shape, set(seen.names) <= set(world.SCENES)
    (torch.Size([1, 40, 48, 48]), True)
    """
    asked = [one_of(category, NAMES, "category") for category in categories]
    if len(set(asked)) < len(asked) or not asked:
        raise ValueError(f"categories must name each category once, but came as {asked}.")
    every, least = positive_int(every, "every"), positive_int(least_pictures, "least_pictures")
    names: list[str] = []
    of: list[str] = []
    labels, counts = [], []
    for category in asked:
        seen = dataset.maps(category)
        sides, seen = seen.shape[1:], seen[:, every // 2 :: every, every // 2 :: every]
        number = torch.full((256,), NO_CONCEPT, dtype=torch.uint8)
        pixels, pictures = _counted(seen)
        for index, name in enumerate(NAMES[category]):
            if name not in NOTHING and pictures[index] >= least:
                number[index] = len(names)
                names.append(name)
                of.append(category)
                counts.append(int(pixels[index]))
        labels.append(number[seen.long()])
    if not names:
        raise ValueError(
            f"no concept is seen in {least} pictures or more; give more pictures or a smaller least_pictures."
        )
    return Concepts(
        names=tuple(names),
        categories=tuple(of),
        labels=torch.stack(labels),
        pixels=torch.tensor(counts),
        rows=torch.arange(every // 2, sides[0], every),
        columns=torch.arange(every // 2, sides[1], every),
    )


def _counted(seen: Tensor) -> tuple[Tensor, Tensor]:
    """For each of 256 values of maps N x h x w, how many pixels and how many pictures hold it."""
    each = torch.stack([picture.flatten().bincount(minlength=256) for picture in seen])  # N x 256
    return each.sum(0), (each > 0).sum(0)
