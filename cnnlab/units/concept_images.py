"""Pictures of a concept, rendered on demand: objects whose skin has a texture, a material or is wet, and objects of any skin.

The skins are the world's surfaces, each a material with a texture. "Spotted" is the texture "dotted". Concepts at single pixels are in
`cnnlab.units.concepts`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab._validation import one_of, positive_int, whole_number
from cnnlab.world.picture import render
from cnnlab.world.surfaces import SURFACES
from cnnlab.world.wetness import wet

FIRST_SEED = 900_000_000
"""Seed of the first picture, far from those of every data set."""
WET = "wet"


def concept_images(concept: str | None, count: int = 30, *, seed: int = 0, size: int = 96) -> Tensor:
    """Pictures of a concept: large objects of random classes in random scenes, whose skins have this texture or material.

    Every set shows the same objects in the same scenes, whatever its concept and seed; only the skins differ. With None they are random
    surfaces of the world: these are the random sets of `tcav`, which so differ from a concept in the concept alone. "wet" is such a set
    after rain (`cnnlab.world.wet`).

    Parameters
    ----------
    concept
        A texture or a material with a surface, such as "striped", "dotted", "metal"; "wet"; None for random skins.
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
        If the world does not show the concept; the message lists those that it shows.

    Example
    -------
    >>> concept_images("striped", 2).shape
    torch.Size([2, 3, 96, 96])
    """
    count, seed = positive_int(count, "count"), whole_number(seed, "seed")
    surfaces = list(SURFACES) if concept in (None, WET) else _surfaces_of(concept)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(surfaces), (count,), generator=generator).tolist()
    images = []
    for number, surface in enumerate(chosen):
        picture = render(
            FIRST_SEED + number,
            texture=surfaces[surface],
            position=(0.5, 0.5),
            scale=0.6,
            cover=0,
            clutter=0,
            size=size,
        )
        images.append((wet(picture) if concept == WET else picture).image)
    return torch.stack(images)


def _surfaces_of(concept: str) -> list[str]:
    """The surfaces with this texture or material."""
    shown = sorted({kind for surface in SURFACES.values() for kind in (surface.texture, surface.material)})
    one_of(concept, (*shown, WET), "concept")
    return [name for name, one in SURFACES.items() if concept in (one.texture, one.material)]
