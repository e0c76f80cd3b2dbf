"""Patches as tiles of one size, and their captions, for the explorers of units; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cnnlab.explorers.activation_store import ImageSet
from cnnlab.explorers.charts import bar_rows
from cnnlab.explorers.image_grid import tile_box
from cnnlab.networks import ReceptiveField
from cnnlab.units import TopPatches

_GREY = 0.85


def patch_images(images: Tensor, top_patches: TopPatches, field: ReceptiveField | None) -> Tensor:
    """k x 3 x h x w: the receptive fields of the first unit of `top_patches` in its k pictures (k x 3 x H x W); pale grey outside of them.

    If the receptive field is unknown (`field` is None), the whole pictures.
    """
    if field is None:
        return images
    sides = [min(field.size[axis], field.picture[axis]) for axis in (0, 1)]
    patches = torch.full((top_patches.picture.shape[1], 3, *sides), _GREY)
    for patch, image, box in zip(patches, images, top_patches.box[0].tolist(), strict=True):
        top, left, bottom, right = box
        high, wide = bottom - top, right - left
        down = sides[0] - high if top == 0 else 0  # a field cropped above keeps its lower border
        across = sides[1] - wide if left == 0 else 0
        patch[:, down : down + high, across : across + wide] = image[:, top:bottom, left:right]
    return patches


def patch_boxes(top_patches: TopPatches, whole: Sequence[int] | None = None) -> list[dict]:
    """The boxes of the patches in their pictures, one per tile; `whole` (height, width) leaves out boxes that are the whole picture."""
    boxes = []
    for tile, (top, left, bottom, right) in enumerate(top_patches.box[0].tolist()):
        if whole is None or (bottom - top, right - left) != tuple(whole):
            boxes.append(tile_box(tile, (top, left, bottom, right)))
    return boxes


def patch_captions(
    top_patches: TopPatches, pictures: ImageSet, centre_labels: Sequence[str] = ()
) -> list[str]:
    """A caption for each patch: its rank, a description of its picture, the activation, and the label at its centre, if given."""
    lines = []
    for rank, (index, value) in enumerate(
        zip(top_patches.picture[0], top_patches.value[0].tolist(), strict=True)
    ):
        line = f"{rank + 1}. {pictures.describe(int(index))}, {value:.2f}"
        lines.append(f"{line}, in the middle: {centre_labels[rank]}" if centre_labels else line)
    return lines


def label_shares(labels: Tensor, pixel_counts: Tensor, names: Sequence[str], k: int = 6) -> list[dict]:
    """The most frequent of k labels as rows for `ProbabilityBars`: their share among the patches, and among all pixels of the set.

    `labels` are the indices at the centres of the patches, `pixel_counts` counts each index over all pixels.
    """
    counts = labels.bincount(minlength=len(names)).double()
    base_rate = pixel_counts.double() / pixel_counts.sum()
    order = [i for i in counts.argsort(descending=True, stable=True).tolist() if counts[i]][:k]
    shares = counts / counts.sum()
    first = [rank == 0 for rank in range(len(order))]
    return bar_rows([names[i] for i in order], shares[order], base_rate[order], first)
