"""Data sets of photographs that an explorer can search: crops of the installed ones, and the reader's own.

Each comes with the code for its images. The controls that choose a set are in `cnnlab.explorers.dataset_picker`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from os import PathLike, fspath
from typing import Any

import torch

from cnnlab.explorers.image_sources import installed_photographs
from cnnlab.world import Photographs, photographs
from cnnlab.world.photo_set import PatchDataset, PhotographDataset

PHOTO_SIDE = 224
"""Side of the square crops, in pixels."""
MOST_PHOTOGRAPHS = 200
"""Largest number of photographs, or crops, that an explorer searches; a large network takes some seconds for them."""


def as_dataset(source: Any, n: int) -> tuple[Any, str]:
    """Photographs, or an argument of `cnnlab.photographs`, as a data set of about `n`, with its code; anything else unchanged."""
    opening = "cnnlab.photographs(...)"
    if isinstance(source, str | PathLike):
        source, opening = photographs(source), f'cnnlab.photographs("{fspath(source)}")'
    if not isinstance(source, Photographs):
        return source, ""
    some, expression = spread(source, n, opening)
    return some.dataset(PHOTO_SIDE), expression


def spread(source: Photographs, n: int, opening: str) -> tuple[Photographs, str]:
    """At most `n` (and `MOST_PHOTOGRAPHS`) evenly spaced photographs, since neighbours in a folder are often alike, and their code."""
    step = -(-len(source) // min(n, MOST_PHOTOGRAPHS))
    every = f"[::{step}]" if step > 1 else ""
    return source[::step], f"{opening}{every}.dataset({PHOTO_SIDE}).images"


@lru_cache(maxsize=2)
def installed_crops(seed: int = 0) -> tuple[PatchDataset, str]:
    """Crops of the installed photographs at three scales, as many of each, and their code; cached. Another seed takes other positions."""
    each = max(1, MOST_PHOTOGRAPHS // max(1, len(installed_photographs())))
    crops = installed_photographs().crops(PHOTO_SIDE, per_photo=each, seed=seed, progress=False)
    told = f", seed={seed}" if seed else ""
    return crops, f"cnnlab.photographs().crops({PHOTO_SIDE}, per_photo={each}{told}).images"


def of_photographs(pictures: Any) -> bool:
    """Whether a set consists of photographs, whole or in patches."""
    return isinstance(pictures.source, PhotographDataset | PatchDataset)


def reading(some: Photographs) -> Iterator[int | PhotographDataset]:
    """Read photographs one by one: yields the number done after each, and at last the data set of the readable ones.

    Raises
    ------
    ValueError
        If none can be read; the message gives the reason for the first.
    """
    kept, images, skipped = [], [], list(some.skipped)
    for number, one in enumerate(some, start=1):
        try:
            images.append(one.image(PHOTO_SIDE).mul(255).round().byte())
            kept.append(one)
        except (OSError, ValueError) as problem:
            skipped.append((one.name, str(problem)))
        yield number
    if not kept:
        raise ValueError(f"none of {len(some)} photographs can be read; the first: {skipped[-len(some)][1]}")
    readable = Photographs(kept, some.class_names, skipped)
    yield PhotographDataset(torch.stack(images), readable.labels, readable.class_names, readable)
