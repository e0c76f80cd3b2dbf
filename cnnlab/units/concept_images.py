"""Pictures of a concept, rendered on demand: objects whose skin has a texture or is made of a material, and objects of any skin.

What the world can show are its surfaces, each a material with a texture. "Spotted" is the texture "dotted". Nothing in the world is
wet: the nearest is the material "water", a skin like the sea. Concepts at single pixels are in `cnnlab.units.concepts`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab._validation import one_of, positive_int, whole_number
from cnnlab.world.picture import render
from cnnlab.world.surfaces import SURFACES

FIRST_SEED = 900_000_000
"""Seed of the first picture, far from those of every data set."""


def concept_images(concept: str | None, count: int = 30, *, seed: int = 0, size: int = 96) -> Tensor:
    """Pictures of a concept: large objects of random classes in random scenes, whose skins have this texture or material.

    Every set shows the same objects in the same scenes, whatever its concept and seed; only the skins differ. With None they are random
    surfaces of the world: these are the random sets of `tcav`, which so differ from a concept in the concept alone.

    Parameters
    ----------
    concept
        A texture or a material with a surface, such as "striped", "dotted", "metal", "water"; None for random skins.
    count
        Number of pictures.
    seed
        Seed of the skins.
    size
        Side of the pictures.

    Returns
    -------
    Tensor
        count x 3 x size x size in [0, 1].

    Raises
    ------
    ValueError
        If no surface of the world shows the concept; the message lists those that are shown.

    Example
    -------
    >>> concept_images("striped", 2).shape
    torch.Size([2, 3, 96, 96])
    """
    count, seed = positive_int(count, "count"), whole_number(seed, "seed")
    surfaces = list(SURFACES) if concept is None else _surfaces_of(concept)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(surfaces), (count,), generator=generator).tolist()
    return torch.stack(
        [
            render(
                FIRST_SEED + number,
                texture=surfaces[surface],
                position=(0.5, 0.5),
                scale=0.6,
                cover=0,
                clutter=0,
                size=size,
            ).image
            for number, surface in enumerate(chosen)
        ]
    )


def _surfaces_of(concept: str) -> list[str]:
    """The surfaces with this texture or material."""
    shown = sorted({kind for surface in SURFACES.values() for kind in (surface.texture, surface.material)})
    one_of(concept, shown, "concept")
    return [name for name, one in SURFACES.items() if concept in (one.texture, one.material)]
