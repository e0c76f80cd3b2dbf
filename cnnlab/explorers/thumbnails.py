"""Thumbnails of which one is chosen, and a switch between a few options; drawn in the browser by `thumbnails.js` and `switch.js`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import anywidget
import torch
from torch import Tensor
from traitlets import Dict, List, TraitError, Unicode, validate

from cnnlab.explorers.common import read_script, read_source
from cnnlab.explorers.image_bytes import jpeg
from cnnlab.explorers.image_sources import installed_photographs
from cnnlab.world import Photograph, Photographs

THUMB = 72
"""Side of the transferred thumbnails, in pixels; they are displayed somewhat smaller."""

_STYLE = read_source("thumbnails.css")


class Thumbnails(anywidget.AnyWidget):
    """List box of thumbnails: pointer, arrow keys, Home and End choose one.

    Traits
    ------
    value
        The name of the chosen picture; "" for none.
    names, descriptions, captions
        The accessible name and the description of each picture, and the line below for the chosen one.
    label
        Accessible name of the list box.
    atlas
        All pictures in one, row by row: {"jpeg": bytes, "count": int, "columns": int}.
    """

    _esm = read_script("thumbnails.js")
    _css = _STYLE

    named_parts = (".cnnlab-thumbs-list",)
    """CSS selectors of the parts that `names_for` names."""

    value = Unicode("").tag(sync=True)
    names = List(Unicode()).tag(sync=True)
    descriptions = List(Unicode()).tag(sync=True)
    captions = List(Unicode()).tag(sync=True)
    label = Unicode("Pictures").tag(sync=True)
    atlas = Dict().tag(sync=True)

    @validate("value")
    def _existing(self, proposal: dict) -> str:
        if proposal.value and proposal.value not in self.names:
            raise TraitError(f'"{proposal.value}" is not among the pictures: {", ".join(self.names)}.')
        return proposal.value


class Switch(anywidget.AnyWidget):
    """Switch between options in a row: a radio group. `options` are [value, text] pairs, `label` is its accessible name."""

    _esm = read_script("switch.js")
    _css = _STYLE

    value = Unicode("").tag(sync=True)
    options = List(List(Unicode())).tag(sync=True)
    label = Unicode("").tag(sync=True)

    @validate("value")
    def _existing(self, proposal: dict) -> str:
        values = [value for value, _word in self.options]
        if proposal.value not in values:
            raise TraitError(f'"{proposal.value}" is not among the options: {", ".join(values)}.')
        return proposal.value


def thumbnail_atlas(images: Sequence[Tensor]) -> dict:
    """Pictures 3 x THUMB x THUMB in [0, 1] as the `atlas` of `Thumbnails`."""
    columns = max(1, math.ceil(math.sqrt(len(images))))
    rows = max(1, math.ceil(len(images) / columns))
    atlas = torch.zeros(3, rows * THUMB, columns * THUMB)
    for index, image in enumerate(images):
        top, left = index // columns * THUMB, index % columns * THUMB
        atlas[:, top : top + THUMB, left : left + THUMB] = image
    return {"jpeg": jpeg(atlas, 85), "count": len(images), "columns": columns}


@lru_cache(maxsize=1)
def installed_thumbnails() -> list[Tensor]:
    """The installed photographs at the size of a thumbnail, read once."""
    return [photograph.image(THUMB) for photograph in installed_photographs()]


def photograph_description(photograph: Photograph) -> str:
    """A sentence on what a photograph shows and, if it has one, its ImageNet class."""
    imagenet_class = photograph.imagenet_class
    return f"{photograph.shows} (ImageNet class: {imagenet_class})" if imagenet_class else photograph.shows


def photograph_traits(photographs: Photographs) -> dict[str, list[str]]:
    """The traits of `Thumbnails` that describe the photographs."""
    return {
        "names": list(photographs.names),
        "descriptions": [
            f"{photograph_description(photograph)}. {photograph.credit}" for photograph in photographs
        ],
        "captions": [photograph.credit for photograph in photographs],
    }
